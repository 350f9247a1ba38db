#!/bin/sh
#
# Builds the dynamic module against the installed nginx:
#
#     build.sh BUILD_DIR [CC_OPT [LD_OPT]]
#
# gives BUILD_DIR/ngx_http_kecs_module.so.  nginx's configure runs only when
# its inputs have changed; everything else is left to make.
#
#     KECS_LIB         libkecs.a to link; unset: all sources are compiled in
#     KECS_NGINX_SRC   nginx sources or nginx-dev's folder
#                      (default /usr/share/nginx/src)

set -eu

if [ $# -lt 1 ]; then
    echo "usage: build.sh BUILD_DIR [CC_OPT [LD_OPT]]" >&2
    exit 2
fi

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
cc_opt="-fPIC -std=gnu11 ${2:-}"
ld_opt=${3:-}
nginx_src=${KECS_NGINX_SRC:-/usr/share/nginx/src}
objs=$build/nginx
module=ngx_http_kecs_module.so
log=$objs.log

if [ ! -x "$nginx_src/configure" ]; then
    echo "build.sh: no nginx sources in $nginx_src: install nginx-dev or" \
         "name them with KECS_NGINX_SRC" >&2
    exit 1
fi

# Leaks of configure's own trial programs are not ours.
export ASAN_OPTIONS=detect_leaks=0

run() {
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "build.sh: failed, the whole output is in $log" >&2
        exit 1
    fi
}

# What decides about configure: flags, the addon script, names of sources,
# the nginx that is there.
stamp() {
    echo "$cc_opt|$ld_opt|${KECS_LIB:-}|$nginx_src"
    cat "$root/config" "$0"
    cksum "$nginx_src/src/core/nginx.h"
    cat "$nginx_src/conf_flags" 2>/dev/null || true
    (cd "$root" && ls ngx_kecs_module/*.c ngx_kecs_module/*.h)
    (cd "$root" && ls src/base/*.h src/json/*.h src/store/*.h src/aws/*.h \
        src/sts/*.h src/ecs/*.h src/stream/*.h)
    if [ -z "${KECS_LIB:-}" ]; then
        (cd "$root" && ls src/*/*.c)
    fi
}

configure() {
    rm -rf "$objs"
    mkdir -p "$objs"

    # nginx-dev's flags make the module match Debian's binary.
    if [ -f "$nginx_src/conf_flags" ]; then
        run bash -c '. ./conf_flags
                     exec ./configure "${NGX_CONF_FLAGS[@]}" "$@"' configure \
            --builddir="$objs" --with-cc-opt="$cc_opt" \
            --with-ld-opt="$ld_opt" --add-dynamic-module="$root"
    else
        run ./configure --with-compat --with-threads --with-http_ssl_module \
            --with-http_v2_module --builddir="$objs" \
            --with-cc-opt="$cc_opt" --with-ld-opt="$ld_opt" \
            --add-dynamic-module="$root"
    fi
}

new=$(stamp | cksum)
cd "$nginx_src"

old=$(cat "$objs.stamp" 2>/dev/null || true)

if [ ! -f "$objs/Makefile" ] || [ "$new" != "$old" ]; then
    echo "  configure $module"
    rm -f "$objs.stamp"
    configure
    echo "$new" >"$objs.stamp"
fi

run make -f "$objs/Makefile" -j2 modules

if ! cmp -s "$objs/$module" "$build/$module"; then
    echo "  ld $module"
    cp "$objs/$module" "$build/$module.new"
    mv "$build/$module.new" "$build/$module"
fi
