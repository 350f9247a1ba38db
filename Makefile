# Every verb of the project; `make help` lists them.  Builds go to build/
# (with SAN=1 to build/asan/, under AddressSanitizer and UBSan).

SHELL       := /bin/bash
MAKEFLAGS   += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# What `make run` takes; empty means the program's own default.
PORT        ?=
ADMIN_PORT  ?=
DATA        ?=
RUNTIME     ?=
UPSTREAM    ?=
WORKERS     ?=

VERSION     := 0.1.0
JOBS        ?= $(shell nproc)

ifdef SAN
B           := build/asan
OPT         := -O1 -g -fsanitize=address,undefined \
               -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LINK        := -fsanitize=address,undefined
else
B           := build
OPT         := -O2 -g
LINK        :=
endif

CC          ?= cc
WARN        := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
               -Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings \
               -Wformat=2 -Wno-format-nonliteral
CFLAGS      := -std=gnu11 -fPIC $(OPT) $(WARN) \
               -DKECS_VERSION='"$(VERSION)"' -D_FORTIFY_SOURCE=2
ifdef SAN
CFLAGS      := $(filter-out -D_FORTIFY_SOURCE=2,$(CFLAGS))
endif

LIB_DIRS    := base json store aws sts ecs stream placement scheduler convert
LIB_SRC     := $(sort $(foreach d,$(LIB_DIRS),$(wildcard src/$(d)/*.c)))
RT_SRC      := $(sort $(wildcard src/kube/*.c src/upstream/*.c \
               src/runtime/*.c))
REC_SRC     := $(sort $(wildcard src/reconciler/*.c))
CLI_SRC     := $(sort $(wildcard src/cli/*.c))
UNIT_SRC    := $(sort $(wildcard t/unit/*.c))

obj          = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB_LIBS    := -llmdb -lyajl -lpcre2-8 -lcrypto -lpthread -lm
RT_LIBS     := -lcurl -lyaml -lssl

UNITS       := $(patsubst t/unit/%.c,$(B)/unit/%,$(UNIT_SRC))

# Goals given together build one library: one after the other, each parallel
# within itself.
ifeq ($(MAKELEVEL),0)
.NOTPARALLEL:
endif

.PHONY: all help programs
all: deps-build ## build everything
	@$(MAKE) -j$(JOBS) programs
programs: $(B)/kecs $(B)/kecs-reconciler module build/ui.stamp

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / \
	    { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)


# Running

.PHONY: run
run: all ## install what is needed, build, start (PORT= DATA= RUNTIME= ...)
	@exec $(B)/kecs up $(if $(PORT),--port '$(PORT)') \
	    $(if $(ADMIN_PORT),--admin-port '$(ADMIN_PORT)') \
	    $(if $(DATA),--data '$(DATA)') \
	    $(if $(RUNTIME),--runtime '$(RUNTIME)') \
	    $(if $(findstring command,$(origin KUBECONFIG)),--kubeconfig \
	        '$(KUBECONFIG)') \
	    $(if $(UPSTREAM),--upstream '$(UPSTREAM)') \
	    $(if $(WORKERS),--workers '$(WORKERS)')


# Building

.PHONY: deps-build deps-test
deps-build:
	@tools/install build
deps-test:
	@tools/install test

# A change of flags rebuilds what depends on them.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(CFLAGS) $(LINK)' | cmp -s - $@ \
	    || echo '$(CC) $(CFLAGS) $(LINK)' > $@
.PHONY: FORCE
FORCE:

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libkecs.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	@ar rcs $@ $^

$(B)/kecs-reconciler: $(call obj,$(REC_SRC) $(RT_SRC)) $(B)/libkecs.a
	@echo "  ld $@"
	@$(CC) $(LINK) -o $@ $(filter %.o,$^) $(B)/libkecs.a $(LIB_LIBS) \
	    $(RT_LIBS)

# What the tool is made of, for its unit tests as well.
$(B)/libcli.a: $(call obj,$(filter-out src/cli/kecs_main.c,$(CLI_SRC)))
	@rm -f $@
	@ar rcs $@ $^

$(B)/kecs: $(call obj,src/cli/kecs_main.c $(RT_SRC)) $(B)/libcli.a \
    $(B)/libkecs.a
	@echo "  ld $@"
	@$(CC) $(LINK) -o $@ $(filter %.o,$^) $(B)/libcli.a \
	    $(B)/libkecs.a $(LIB_LIBS) $(RT_LIBS)

$(B)/unit/%: $(B)/obj/t/unit/%.o $(call obj,$(RT_SRC)) $(B)/libcli.a \
    $(B)/libkecs.a
	@mkdir -p $(@D)
	@$(CC) $(LINK) -o $@ $< $(filter-out $<,$(filter %.o,$^)) \
	    $(B)/libcli.a $(B)/libkecs.a $(LIB_LIBS) $(RT_LIBS)

.PHONY: lib module unit-build
lib: $(B)/libkecs.a
module: $(B)/libkecs.a
	@KECS_LIB=$(CURDIR)/$(B)/libkecs.a \
	    ngx_kecs_module/build.sh $(B) '$(OPT)' '$(LINK)'
unit-build:
	@$(MAKE) -j$(JOBS) $(UNITS)
.SECONDARY: $(call obj,$(UNIT_SRC))

# The web UI.  The API works without it: where it cannot be built, that is
# said once, until something of it changes or `make ui` asks again.
UI_SRC      := $(shell find web/src -type f) \
               $(wildcard web/*) tools/build-ui tools/find-node

build/ui.stamp: $(UI_SRC)
	@mkdir -p build
	@echo "  ui build/ui"
	@tools/build-ui build/ui || echo "  no web UI, all else works;" \
	    "\"make ui\" tries again"
	@touch $@

.PHONY: ui
ui: ## build the web UI into build/ui/
	@rm -f build/ui.stamp
	@tools/build-ui build/ui
	@touch build/ui.stamp

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)


# Testing

.PHONY: test test-quick unit test-long sim bench
test: ## install what is needed and run every test
	@t/run all
test-quick: ## unit tests and the suites that need no cluster
	@t/run quick
unit: unit-build ## the C unit tests alone
	@prove -e '' -j$(JOBS) $(UNITS)
test-long: ## soaks, kills, full sanitizer passes
	@t/run long
bench: all deps-test ## benchmarks as ratios to baselines of the same run
	@t/bench/run $(B)
sim: $(B)/unit/sim_scheduler ## simulate the scheduler: SEED=n N=scenarios
	@$(B)/unit/sim_scheduler $(if $(SEED),--seed $(SEED)) \
	    $(if $(N),--scenarios $(N))


# Care

.PHONY: shapes docs man lint clean
docs: $(B)/unit/compatibility ## generate docs/compatibility.md
	@venv=$$(t/clients/setup) && $$venv/bin/python \
	    t/conformance/document.py $(B)/unit/compatibility --write
man: programs ## make the manual pages in build/man
	@tools/manual $(B) $(B)/man
shapes: ## generate the shape tables from the newest botocore
	@tools/generate-shapes
lint: ## style, layers and static checks
	@t/checksrc
clean: ## remove what was built
	rm -rf build
