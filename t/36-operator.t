#!/usr/bin/perl

# What an operator has: `kecs status`, `kecs doctor`, help, completions.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use JSON::PP;
use Kecs;
use KecsUp;
use POSIX ();
use Test::More;

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my %PLACE = (build => $BUILD, env => Kecs::sanitizer_env(),
    sets => [@KecsUp::SETS, qw(simulated-start=20ms simulated-stop=20ms)]);
my $JSON = JSON::PP->new->utf8;


# Helpers.

sub kecs {
    my (@args) = @_;

    local %ENV = (%ENV, %{ $PLACE{env} });

    return Kecs::capture("$BUILD/kecs", @args);
}

# `kecs status --json` of a system: its exit status and what it says.
sub status_of {
    my ($k, @flags) = @_;

    my ($status, $text) = $k->kecs('status', '--json', @flags);
    my $said = eval { $JSON->decode($text) };
    ok($said, 'status: JSON') or diag($@, $text);

    return ($status, $said // {});
}

# Waits for a status that the block likes; the last one that was seen.
sub status_until {
    my ($k, $what, $code) = @_;

    my ($status, $said);
    ok(Kecs::wait_for(undef, sub {
        ($status, my $text) = $k->kecs('status', '--json');
        $said = eval { $JSON->decode($text) } // {};
        $code->($status, $said);
    }, 30), "status: $what") or diag(explain([$status, $said]));

    return $said;
}


# Status: nothing there, running, without its reconciler, ended.

my $k = KecsUp->new(%PLACE);

my ($status, $text) = $k->kecs('status');
is($status, 1, 'status without a store: not ready');
like($text, qr/^kecs 0\.1\.0: not ready: .*no store|^kecs .*: not ready: /,
    'told why');
($status, $text) = $k->kecs('status', 'now');
is($status, 2, 'status with an argument: usage');

$k->start;
$k->api('CreateCluster', {});
$k->api('CreateCluster', { clusterName => 'other' });
$k->api('RegisterTaskDefinition', { family => 'f', containerDefinitions => [
    { name => 'a', image => 'i', memory => 8 }] });
$k->api('RunTask', { taskDefinition => 'f', count => 3 });
$k->api('CreateService', { cluster => 'other', serviceName => 's',
    taskDefinition => 'f', desiredCount => 2 });

my $said = status_until($k, 'all tasks run', sub {
    my ($rc, $s) = @_;
    $rc == 0 && $s->{tasks}{running} == 5 && $s->{tasks}{pending} == 0;
});
is($said->{version}, '0.1.0', 'its version');
ok($said->{ready}, 'ready');
is($said->{why}, '', 'and no reason why not');
is($said->{clusters}, 2, 'clusters');
is($said->{services}{active}, 1, 'services');
is($said->{services}{draining}, 0, 'draining services');
is($said->{tasks}{notStopped}, 5, 'tasks');
is($said->{processes}{up}, $k->{pid}, 'the process of kecs up');
is($said->{processes}{reconciler}, $k->said->{pid}, 'of the reconciler');
ok((grep { $_ == $said->{processes}{writer} } $k->worker_pids),
    'the writer is a worker');
is($said->{api}, "http://127.0.0.1:$k->{port}", 'address of the API');
is($said->{admin}, "http://127.0.0.1:$k->{admin}", 'of the admin port');
is($said->{reconciler}{runtime}, 'simulated', 'runtime');
like($said->{reconciler}{choice}, qr/as asked for/, 'and why');
is(join(' ', sort keys %{ $said->{checks} }),
    'reconciler space store writer', 'the checks of readyz');
is((grep { !$_->{ok} } values %{ $said->{checks} }), 0, 'all pass');
cmp_ok($said->{store}{mapUsedBytes}, '>', 0, 'map in use');
cmp_ok($said->{store}{sequence}, '>', 5, 'position of the log');

($status, $text) = $k->kecs('status');
is($status, 0, 'status for a person: ready');
like($text, qr/^kecs 0\.1\.0: ready\n/, 'in the first line');
like($text, qr/^  tasks +5 running, 0 pending/m, 'tasks');
like($text, qr/^  API +http:\/\/127\.0\.0\.1:$k->{port}$/m, 'API');
like($text, qr/^  runtime +simulated: as asked for/m, 'runtime');

($status, $text) = $k->kecs('env');
like($text, qr{^export AWS_ENDPOINT_URL=http://127.0.0.1:$k->{port}\n},
    'env reads the address of the API alone');

my $other = KecsUp->new(%PLACE)->start;
($status, $said) = status_of($k, '--admin-port', $other->{admin});
is($status, 1, 'the admin port of another system: not ready');
like($said->{why}, qr/port $other->{admin} does not answer for this store/,
    'told why');
is($other->stop, 0, 'the other one has ended');

kill 'STOP', my $reconciler = $k->said->{pid};
$said = status_until($k, 'a reconciler that stands still', sub {
    my ($rc, $s) = @_;
    $rc == 1 && !$s->{reconciler}{alive};
});
like($said->{why}, qr/^reconciler: gave no sign for \d+ s$/, 'named');
kill 'CONT', $reconciler;
status_until($k, 'ready again', sub { $_[0] == 0 });

is($k->stop, 0, 'ended');
($status, $said) = status_of($k);
is($status, 1, 'status of an ended system');
is($said->{why}, 'nothing runs on this folder', 'told why');
is($said->{processes}{up}, undef, 'no process');
is($said->{clusters}, 2, 'what the store has is still told');
$k->final_checks;


# A system without `kecs up`: an nginx of one's own.

my $own = Kecs->new(workers => 1, reconciler => 1);
$own->start;
ok(Kecs::wait_for(undef, sub {
    ($status, $text) = kecs('status', '--json', '--data', $own->data);
    $status == 0;
}, 30), 'an nginx of one\'s own: ready by locks and signs') or diag($text);
$said = $JSON->decode($text);
is($said->{processes}{up}, undef, 'without kecs up');
ok(!$said->{checks}, 'and without an admin port that is known');
($status, $text) = kecs('status', '--json', '--data', $own->data,
    '--admin-port', $own->admin_port);
is($status, 0, 'with its admin port');
ok($JSON->decode($text)->{checks}{store}{ok}, 'the checks');


# The audit log, alone and beside the access log, and trace contexts.

my $TRACE = '0af7651916cd43dd8448eb211c80319c';
my $SPAN = 'b7ad6b7169203331';

# The JSON lines of a file, when there are so many.
sub lines_of {
    my ($file, $n) = @_;

    my @lines;
    ok(Kecs::wait_for(undef, sub {
        open my $f, '<', $file or return 0;
        @lines = <$f>;
        @lines >= $n;
    }, 20), "$n lines") or diag("$file: @lines");

    return map { $JSON->decode($_) } @lines;
}

my $audited = KecsUp->new(%PLACE);
my $trail = "$audited->{temp}/audit.log";
$audited->{flags} = ['--audit-log', $trail];
$audited->start;
my (undef, undef, $headers) = $audited->api('CreateCluster',
    { clusterName => 'c', tags => [{ key => 'k', value => 'hidden' }] },
    headers => { traceparent => "00-$TRACE-$SPAN-01" });
$audited->api('ListClusters', {});
$audited->api('RegisterTaskDefinition', { family => 'fam',
    containerDefinitions => [{ name => 'a', image => 'i', memory => 8,
        environment => [{ name => 'PASSWORD', value => 'hidden' }] }] });
$audited->api('StopTask', { cluster => 'c', task => 'f' x 32 });
my @trail = lines_of($trail, 3);
is(scalar @trail, 3, 'calls that only read are left out');
is($trail[0]{$_->[0]}, $_->[1], "audit: $_->[0]")
    for [action => 'CreateCluster'], [resource => 'c'], [status => '200'],
        [account => '000000000000'], [region => 'us-east-1'], [error => '-'],
        [source => '127.0.0.1'], [trace => $TRACE],
        [principal => 'arn:aws:iam::000000000000:root'],
        [requestId => $headers->{'x-amzn-requestid'}];
is($trail[1]{resource}, 'fam', 'audit: the family');
is($trail[1]{trace}, '', 'audit: no trace');
is($trail[2]{resource}, 'f' x 32, 'audit: the task');
is($trail[2]{cluster}, 'c', 'audit: its cluster');
is("$trail[2]{status} $trail[2]{error}", '400 InvalidParameterException',
    'audit: a refusal');
unlike($JSON->encode(\@trail), qr/hidden|PASSWORD/, 'audit: no bodies');
is($audited->stop, 0, 'ended');

push @{ $audited->{flags} }, '--access-log', "$audited->{temp}/access.log";
$audited->start;
my @contexts = (
    ["00-$TRACE-$SPAN-00", 1], ["01-$TRACE-$SPAN-01-more", 1],
    ["ff-$TRACE-$SPAN-01", 0], ["00-$TRACE-$SPAN-01-more", 0],
    ["00-" . '0' x 32 . "-$SPAN-01", 0], ["00-$TRACE-" . '0' x 16 . '-01', 0],
    ["00-\U$TRACE\E-$SPAN-01", 0], ["00-$TRACE-$SPAN", 0],
    ["00-${TRACE}0-$SPAN-01", 0], ["00-$TRACE-$SPAN-0g", 0], ['', 0],
    ['-', 0], ['----', 0],
);
$audited->api('ListClusters', {}, headers => { traceparent => $_->[0] })
    for @contexts;
my @calls = lines_of("$audited->{temp}/access.log", scalar @contexts);
for my $i (0 .. $#contexts) {
    my $want = $contexts[$i][1] ? "$TRACE $SPAN" : ' ';
    is("$calls[$i]{trace} $calls[$i]{span}", $want,
        "traceparent: $contexts[$i][0]");
}
$audited->api('DeleteCluster', { cluster => 'c' });
@trail = lines_of($trail, 4);
is("$trail[3]{action} $trail[3]{resource}", 'DeleteCluster c',
    'audit: beside an access log');
is(scalar @trail, 4, 'and still without reads');
is($audited->stop, 0, 'ended');
is((kecs('up', '--audit-log', 'a"b'))[0], 2, 'an audit log with quotes');


# Metrics: what the dashboard and the alerts name is there, and told well.

my $metered = KecsUp->new(%PLACE, sets => [@KecsUp::SETS,
    qw(simulated-start=20ms simulated-stop=20ms)])->start;
$metered->api('CreateCluster', {});
$metered->api('RegisterTaskDefinition', { family => 'f',
    containerDefinitions => [{ name => 'a', image => 'i', memory => 8 }] });
$metered->api('CreateService', { serviceName => 's', taskDefinition => 'f',
    desiredCount => 3 });
my $metrics;
ok(Kecs::wait_for(undef, sub {
    $metrics = ($metered->get('/metrics'))[1];
    $metrics =~ /^kecs_tasks\{status="RUNNING"\} 3$/m;
}, 30), 'metrics: tasks by status') or diag($metrics);
like($metrics, qr/^kecs_tasks\{status="PENDING"\} 0$/m, 'none is pending');
like($metrics, qr/^kecs_reconciler_services 1$/m, 'services');
like($metrics, qr/^kecs_reconciler_queue\{queue="$_"\} \d+$/m, "queue: $_")
    for qw(starts stops services news);
like($metrics, qr/^kecs_reconciler_lag_seconds \d+\.\d{3}$/m, 'its lag');
like($metrics, qr/^kecs_reconciler_watch_lag_seconds 0\.000$/m,
    'no watch, no lag');
my ($commits) = $metrics =~ /^kecs_commit_duration_seconds_count (\d+)$/m;
cmp_ok($commits, '>', 0, 'commits are timed');
like($metrics, qr/^kecs_commit_duration_seconds_bucket\{le="\+Inf"\} $commits$/m,
    'in buckets');
like($metrics, qr/^kecs_commit_duration_seconds_bucket\{le="0\.00025"\} \d+$/m,
    'with their bounds');
like($metrics, qr/^kecs_reconciler_actions_total [1-9]/m, 'actions');
like($metrics, qr/^kecs_reconciler_info\{runtime="simulated"\} 1$/m,
    'runtime');
like($metrics, qr/^kecs_reconciler_status_time_seconds @{[substr time, 0, 6]}/m,
    'time of its sign');

my %there = map { $_ => 1 } $metrics =~ /^(kecs_\w+)(?=[ {])/mg;
my %family = map { $_ => 1 } $metrics =~ /^# TYPE (kecs_\w+) /mg;
for my $family (sort keys %family) {
    is(() = $metrics =~ /^# TYPE $family /mg, 1, "$family: one type");
    like($metrics, qr/^# HELP $family \S.*\.$/m, "$family: a help");
}
for my $name (sort keys %there) {
    (my $base = $name) =~ s/_(?:bucket|sum|count)$//;
    ok($family{$name} || $family{$base}, "$name: has a type");
}

sub slurp {
    my ($file) = @_;
    open my $f, '<', $file or die "$file: $!";
    local $/;
    return scalar <$f>;
}

my $MONITORING = "$Kecs::ROOT/docs/monitoring";
my $dashboard = $JSON->decode(slurp("$MONITORING/grafana.json"));
my %named = map { $_ => 1 } map { /\b(kecs_\w+)/g }
    map { $_->{expr} } map { @{ $_->{targets} } } @{ $dashboard->{panels} };
cmp_ok(scalar keys %named, '>', 15, 'the dashboard names metrics');
my @alerts = slurp("$MONITORING/alerts.yaml") =~ /\b(kecs_[a-z]\w+)/g;
$named{$_} = 1 for grep { !/^kecs_store$/ } @alerts;
ok($there{$_}, "$_: of the dashboard or the alerts, is there")
    for sort keys %named;
my $told = join '', map { slurp($_) } glob "$Kecs::ROOT/docs/*.md";
like($told, qr/`$_[`{]/, "$_: is documented") for sort keys %family;

SKIP: {
    my ($rc, $promtool) = Kecs::capture("$Kecs::ROOT/t/clients/promtool");
    chomp $promtool;
    skip 'no promtool here', 2 if $rc && !$ENV{CI};
    my ($found, $out) = Kecs::capture($promtool, 'check', 'rules',
        "$MONITORING/alerts.yaml");
    is($found, 0, 'promtool: the alerts') or diag($out);
    open my $f, '>', "$metered->{temp}/metrics" or die $!;
    print $f $metrics;
    close $f or die $!;
    ($found, $out) = Kecs::capture('sh', '-c',
        "'$promtool' check metrics < '$metered->{temp}/metrics'");
    is($found, 0, 'promtool: the metrics') or diag($out);
}
is($metered->stop, 0, 'ended');


# Help.

my $tables = $JSON->decode((kecs('help', '--json'))[1]);
my @verbs = map { $_->{name} } @{ $tables->{verbs} };
my %flag = map { $_->{name} => $_ } @{ $tables->{flags} };
ok((grep { $_ eq 'status' } @verbs), 'help --json has the verbs');

for my $verb (@{ $tables->{verbs} }) {
    my ($rc, $help) = kecs('help', $verb->{name});
    is($rc, 0, "help $verb->{name}");
    like($help, qr/^usage: kecs \Q$verb->{name}\E\b.*\n\n\Q$verb->{help}\E\n/,
        'usage and purpose');
    is((kecs($verb->{name}, '--help'))[1], $help, 'the same by --help');
    like($help, qr/^  --$_ +\Q$flag{$_}{help}\E$/m, "with --$_")
        for @{ $verb->{flags} };
}
is((kecs('help', 'fly'))[0], 2, 'help of an unknown verb');
my %used = map { $_ => 1 } map { @{ $_->{flags} } } @{ $tables->{verbs} };
is_deeply([sort keys %used], [sort keys %flag], 'each flag has its verbs');


# Manual pages: made of the same tables, and without a warning.

my $MAN = "$k->{temp}/man";
is((Kecs::capture("$Kecs::ROOT/tools/manual", $BUILD, $MAN))[0], 0,
    'the manual pages are made');
is(join(' ', map { s{.*/}{}r } sort glob "$MAN/*"),
    'kecs-nginx.5 kecs-reconciler.8 kecs.1', 'three of them');

my %page = map { s{.*/}{}r => slurp($_) } glob "$MAN/*";
unlike($page{$_}, qr/%%/, "$_: all places are filled") for sort keys %page;

# A name as roff has it, at the head of an item.
sub explained {
    my ($page, $name) = @_;
    (my $roff = $name) =~ s/-/\\-/g;
    like($page{$page}, qr/^\.TP\n(?:\.BR? |\\fB)?.*\Q$roff\E(?!\w|\\-)/m,
        "$page: $name");
    return;
}

explained('kecs.1', $_) for @verbs, map { "--$_" } sort keys %flag;
my $usage = (Kecs::capture("$BUILD/kecs-reconciler", '--help'))[1];
my ($ours, $settings) = split /^settings.*\n/m, $usage;
explained('kecs-reconciler.8', $_) for $ours =~ /^  (--[\w-]+)/mg,
    $settings =~ /^  ([\w-]+) /mg;
explained('kecs-nginx.5', $_)
    for slurp("$Kecs::ROOT/ngx_kecs_module/ngx_kecs_module.c")
        =~ /^    \{ ngx_string\("(kecs\w*)"\),$/mg;
explained('kecs-nginx.5', "\$$_")
    for slurp("$Kecs::ROOT/ngx_kecs_module/ngx_kecs_variables.c")
        =~ /\{ ngx_string\("(kecs_\w+)"\)/g;

for my $page (sort keys %page) {
    my ($rc, $out) = Kecs::capture(qw(groff -man -ww -z -Tutf8),
        "$MAN/$page");
    is("$rc $out", '0 ', "$page: groff has nothing to say");
}
if (grep { -x "$_/mandoc" } split /:/, $ENV{PATH}) {
    my ($rc, $out) = Kecs::capture(qw(mandoc -Tlint -Werror),
        glob "$MAN/*");
    is("$rc $out", '0 ', 'mandoc has nothing to say');
}


# Completion: the script of bash is run, as bash runs it.

sub completes {
    my ($wanted, @words) = @_;

    my $line = join ' ', map { "'$_'" } 'kecs', @words;
    my $script = (kecs('completion', 'bash'))[1]
        . "COMP_WORDS=($line)\nCOMP_CWORD=\$((\${#COMP_WORDS[@]} - 1))\n"
        . "_kecs\necho \"\${COMPREPLY[*]}\"\n";
    my ($rc, $got) = Kecs::capture('bash', '-c', $script);
    chomp $got;
    is($got, $wanted, "completes: $line");
}

completes(join(' ', @verbs), '');
completes('status', 'st');
for my $verb (@{ $tables->{verbs} }) {
    my %has = map { $_ => 1 } @{ $verb->{flags} };
    completes(join(' ', map { "--$_" } grep { $has{$_} }
        map { $_->{name} } @{ $tables->{flags} }), $verb->{name}, '--');
}
completes('kubernetes', 'up', '--runtime', 'k');
completes('bash zsh fish', 'completion', '');
completes('backup', 'help', 'ba');
completes("$Kecs::ROOT/Makefile", 'backup', "$Kecs::ROOT/Makef");
completes("$Kecs::ROOT/docs", 'up', '--data', "$Kecs::ROOT/doc");

($status, $text) = kecs(qw(completion zsh));
is($status, 0, 'completion zsh');
like($text, qr/^bashcompinit$/m, 'through bashcompinit');
($status, $text) = kecs(qw(completion fish));
is($status, 0, 'completion fish');
like($text, qr/-a \Q$_\E -d '/, "fish: $_") for @verbs;
like($text, qr/-l runtime -d '.*' -x -a 'auto kubernetes simulated'$/m,
    'fish: values');
for my $shell (qw(zsh fish)) {
    my ($there) = grep { -x "$_/$shell" } split /:/, $ENV{PATH} or next;
    my $file = "$k->{temp}/completion.$shell";
    open my $f, '>', $file or die "$file: $!";
    print $f((kecs('completion', $shell))[1]);
    close $f or die "$file: $!";
    is((Kecs::capture("$there/$shell", '-n', $file))[0], 0,
        "$shell can read it");
}
is((kecs(qw(completion tcsh)))[0], 2, 'no completion of tcsh');


# Doctor.  Findings by name, in several systems.

my $HOME_DIR = "$k->{temp}/home";
mkdir $_ or die "$_: $!" for $HOME_DIR, "$HOME_DIR/bin";
program("$HOME_DIR/bin/aws", 'echo aws-cli/2.13.0');

sub program {
    my ($file, $script) = @_;
    open my $f, '>', $file or die "$file: $!";
    print $f "#!/bin/sh\n$script\n";
    close $f or die "$file: $!";
    chmod 0755, $file;
    return;
}

# What clients and kubectl take from the environment, as it should be.
sub sane {
    my ($port, %more) = @_;

    my %clean = map { $_ => $ENV{$_} } grep { !/^(AWS_|KUBE)/ } keys %ENV;

    return (%clean, HOME => $HOME_DIR, %{ $PLACE{env} },
        PATH => "$HOME_DIR/bin:$ENV{PATH}",
        AWS_ENDPOINT_URL => "http://127.0.0.1:$port", %more);
}

# The findings of a name, as "level text"; the whole answer is kept.
my $findings;
sub diagnosis {
    my ($what, $env, @args) = @_;

    local %ENV = %$env;
    my ($rc, $out) = Kecs::capture(@{ $env->{PREFIX} // [] },
        $env->{KECS} // "$BUILD/kecs", 'doctor', '--json', @args);
    $findings = eval { $JSON->decode($out) };
    ok($findings, "$what: JSON") or diag($@, $out);
    $findings //= { findings => [], failures => -1 };
    is($rc, $findings->{failures} ? 1 : 0, "$what: the status tells");
    is(scalar(grep { ($_->{level} eq 'ok') != ($_->{fix} eq '') }
        @{ $findings->{findings} }), 0, "$what: each has its fix");
    return;
}

sub finding {
    my ($name) = @_;

    return join "\n", map { "$_->{level} $_->{text}" }
        grep { $_->{what} eq $name } @{ $findings->{findings} };
}

sub has {
    my ($name, $like, $what) = @_;

    like(finding($name), $like, $what)
        or diag(explain($findings->{findings}));
}

my $fit = KecsUp->new(%PLACE);
my @there = ('--data', $fit->{data});
my @ports = ('--port', $fit->{port}, '--admin-port', $fit->{admin});

diagnosis('nothing there', { sane($fit->{port}) }, @there, @ports);
is($findings->{failures}, 0, 'nothing there: nothing is wrong');
has('folder', qr/^warn .*No such file/, 'no folder yet');
has('store', qr/^warn there is no store/, 'no store yet');
has('API port', qr/^ok port $fit->{port} is free$/, 'the port is free');
has('cluster', qr/^ok no Kubernetes cluster is configured/, 'no cluster');

my $squatting = $$;
my $squatter = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
    LocalPort => $fit->{port}, ReuseAddr => 1) or die "squatter: $!";
diagnosis('a port in use', { sane($fit->{port}) }, @there, @ports);
has('API port', qr/^fail port \d+ is in use by .+, process $squatting$/, 'by whom');
close $squatter;

$fit->start;
$fit->api('CreateCluster', {});
diagnosis('a system that runs', { sane($fit->{port}) }, @there);
is($findings->{failures}, 0, 'nothing is wrong')
    or diag(explain($findings->{findings}));
has('folder', qr/^ok .*, of user \S+, mode 700$/, 'its folder');
has('disk', qr/^(ok|warn) \d+ MiB left/, 'its disk');
has('store', qr/^ok [0-9a-f-]{36}, format \d+, change \d+$/, 'its store');
has('map', qr/^ok \d/, 'its map');
has('check', qr/^ok .*: 0 defects$/, 'its check');
has('API port', qr/^ok port \d+ is served \(nginx, process \d+\)$/,
    'its port');
has('system', qr/^ok .* is ready$/, 'it is ready');
has('nginx', qr/^ok nginx\/1\./, 'nginx');
has('module', qr/^ok .* fits this nginx$/, 'the module');
has('inotify', qr/^ok/, 'inotify');
has('environment', qr/^ok AWS_ENDPOINT_URL points here$/, 'the environment');

kill 'STOP', $reconciler = $fit->said->{pid};
ok(Kecs::wait_for(undef, sub { ($fit->get('/readyz'))[0] == 503 }, 30),
    'a reconciler that stands still');
diagnosis('not ready', { sane($fit->{port}) }, @there);
has('system', qr/^fail reconciler failed: gave no sign/, 'told why');
kill 'CONT', $reconciler;

($status, $text) = do {
    local %ENV = sane($fit->{port});
    Kecs::capture("$BUILD/kecs", 'doctor', @there);
};
like($text, qr/^ok    map          .* in use$/m, 'for a person');
like($text, qr/^\d+ ok, \d+ to look at, \d+ wrong\n\z/m, 'the sum');
is($fit->stop, 0, 'ended');

# The folder.

chmod 0777, $fit->{data};
diagnosis('an open folder', { sane($fit->{port}) }, @there, @ports);
has('folder', qr/^fail .* mode 777$/, 'others can write there');
chmod 0700, $fit->{data};

my $me = getpwuid $>;
if ($> == 0) {
    my $someone = getpwuid(65534) // 65534;
    chown 65534, -1, $fit->{data};
    diagnosis('of another', { sane($fit->{port}) }, @there, @ports);
    has('owner', qr/^warn .* to user $someone, this is user $me$/, 'is told');
    chown 0, -1, $fit->{data};
} else {
    chmod 0500, $fit->{data};
    diagnosis('closed', { sane($fit->{port}) }, @there, @ports);
    has('folder', qr/^fail .* closed to user $me$/, 'is told');
    chmod 0700, $fit->{data};
}
diagnosis('a file', { sane($fit->{port}) }, '--data', $fit->{log}, @ports);
has('folder', qr/^fail .* is no folder$/, 'is no folder');

mkdir "$fit->{temp}/junk";
if (open my $f, '>', "$fit->{temp}/junk/data.mdb") {
    print $f 'this is not a database' x 1000;
}
diagnosis('junk', { sane($fit->{port}) }, '--data', "$fit->{temp}/junk",
    @ports);
has('store', qr/^fail \S/, 'is no store');

# In a user namespace of its own: no inotify, a full disk.

diagnosis('no inotify', { sane($fit->{port}), PREFIX => [qw(unshare -Ur sh
    -c), 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"',
    'sh'] }, @there, @ports);
has('inotify', qr/^fail this user has no instance left/, 'is told');
diagnosis('a full disk', { sane($fit->{port}), PREFIX => [qw(unshare -Urm sh
    -c), "mount -t tmpfs -o size=512k,mode=700 kecs $fit->{data}"
    . ' && exec "$@"', 'sh'] }, @there, @ports);
has('disk', qr/^fail 0 MiB left/, 'is told');

# nginx and the module.

my $place = "$fit->{temp}/bin";
mkdir $place;
system('cp', "$BUILD/kecs", $place) == 0 or die 'cp';
my %alone = (sane($fit->{port}), KECS => "$place/kecs");
diagnosis('no module', \%alone, @there, @ports);
has('module', qr/^fail .* is not beside this program$/, 'is told');

my $module = do {
    open my $f, '<:raw', "$BUILD/ngx_http_kecs_module.so" or die $!;
    local $/;
    <$f>;
};
my ($version) = finding('nginx') =~ m{nginx/([\d.]+)};
my @v = split /\./, $version;
my $number = pack 'Q<', $v[0] * 1_000_000 + $v[1] * 1000 + $v[2];
ok(index($module, $number) > 0, 'the module has the version of its nginx');
my $foreign = pack 'Q<', 1_099_000;
$module =~ s/\Q$number\E/$foreign/g;
open my $out, '>:raw', "$place/ngx_http_kecs_module.so" or die $!;
print $out $module;
close $out or die $!;
diagnosis('the module of another nginx', \%alone, @there, @ports);
has('module', qr/^fail .*version 1099000 instead of/, 'is told');

mkdir "$fit->{temp}/none";
symlink '/bin/sh', "$fit->{temp}/none/sh";
my %bare = (sane($fit->{port}), PATH => "$fit->{temp}/none");
diagnosis('no nginx', \%bare, @there, @ports);
has('nginx', qr/^fail there is none/, 'is told');
has('aws', qr/^ok there is no aws CLI/, 'no aws');
program("$fit->{temp}/none/aws", 'echo aws-cli/2.9.19 Python/3.11.2');
diagnosis('an old aws', \%bare, @there, @ports);
has('aws', qr/^fail aws-cli\/2\.9\.19 .* would call real AWS$/, 'is told');
program("$fit->{temp}/none/aws", 'echo who knows');
diagnosis('another aws', \%bare, @there, @ports);
has('aws', qr/^warn who knows$/, 'is told');

# The environment.

my $secret = 'AKIAIOSFODNN7EXAMPLE';
diagnosis('keys of AWS', { sane($fit->{port}, AWS_ACCESS_KEY_ID => $secret,
    AWS_PROFILE => 'work', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS => 'true',
    AWS_ENDPOINT_URL_ECS => 'https://me:pass@ecs.eu-west-1.amazonaws.com') },
    @there, @ports);
has('environment', qr/^warn AWS_ACCESS_KEY_ID is a key of real AWS$/m,
    'a key');
has('environment', qr/^warn AWS_PROFILE is set/m, 'a profile');
has('environment', qr/^fail AWS_IGNORE_CONFIGURED_ENDPOINT_URLS/m, 'ignored');
has('environment', qr/^fail AWS_ENDPOINT_URL_ECS points to real AWS$/m,
    'an endpoint');
unlike($JSON->encode($findings), qr/$secret|pass/, 'no secret is shown');
diagnosis('no endpoint', { sane($fit->{port}, AWS_ENDPOINT_URL => '') },
    @there, @ports);
has('environment', qr/^warn AWS_ENDPOINT_URL is not set/, 'is told');
diagnosis('another endpoint', { sane(1) }, @there, @ports);
has('environment', qr/^warn AWS_ENDPOINT_URL points elsewhere/, 'is told');


# The cluster: an API server of our own, which answers as it is told and
# writes down what rights it was asked for.

my $API = { port => Kecs::free_port(), asked => "$fit->{temp}/asked" };
my $UUID = (finding('store') =~ /^ok ([0-9a-f-]{36})/)[0];

sub answer {
    my ($to, $code, $body, $ahead) = @_;

    my $json = $JSON->encode($body);
    my $date = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT',
        gmtime(time + $ahead));
    print $to "HTTP/1.1 $code X\r\nDate: $date\r\nConnection: close\r\n"
        . "Content-Type: application/json\r\nContent-Length: "
        . length($json) . "\r\n\r\n$json";
    return;
}

sub respond {
    my ($c, %o) = @_;

    my ($request, $length, $ahead) = (<$c> // '', 0, $o{ahead} // 0);
    while (defined(my $line = <$c>)) {
        $length = $1 if $line =~ /^Content-Length: (\d+)/i;
        last if $line eq "\r\n";
    }
    read $c, my $body, $length if $length;

    if ($o{refuse}) {
        answer($c, $o{refuse}, { kind => 'Status', message => 'no' }, 0);
    } elsif ($request =~ m{^GET /version }) {
        answer($c, 200, { gitVersion => 'v1.31.0' }, $ahead);
    } elsif ($request =~ m{^POST .*/selfsubjectaccessreviews }) {
        my $r = $JSON->decode($body)->{spec}{resourceAttributes};
        open my $f, '>>', $API->{asked} or die $!;
        print $f join(' ', $r->{namespace} // '-', $r->{group} || '-',
            $r->{resource}, $r->{verb}), "\n";
        close $f;
        my $no = grep { $_ eq "$r->{verb} $r->{resource}" } @{ $o{lack} };
        answer($c, 201, { status => { allowed => $no ? $JSON->decode('false')
            : $JSON->decode('true') } }, $ahead);
    } elsif ($request =~ m{^GET .*/leases/kecs-\Q$UUID\E } && $o{holder}) {
        answer($c, 200, { spec => { holderIdentity => $o{holder} } }, 0);
    } else {
        answer($c, 404, { kind => 'Status', message => 'none' }, 0);
    }
    return;
}

sub with_api {
    my ($what, %o) = @_;

    my $listen = IO::Socket::INET->new(Listen => 16, ReuseAddr => 1,
        LocalAddr => '127.0.0.1', LocalPort => $API->{port}) or die $!;
    my $pid = fork // die $!;
    if ($pid == 0) {
        while (my $c = $listen->accept) {
            respond($c, %o);
            close $c;
        }
        POSIX::_exit(0);
    }
    close $listen;
    unlink $API->{asked};
    diagnosis($what, { sane($fit->{port}) }, @there, @ports, '--kubeconfig',
        kubeconfig('near', "http://127.0.0.1:$API->{port}"));
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

sub kubeconfig {
    my ($name, $server) = @_;
    open my $f, '>', "$fit->{temp}/$name" or die "$name: $!";
    print $f <<"END";
apiVersion: v1
kind: Config
current-context: $name
clusters: [{name: c, cluster: {server: "$server"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: $name, context: {cluster: c, user: u, namespace: here}}]
END
    close $f or die "$name: $!";
    return "$fit->{temp}/$name";
}

# The rights of k8s/rbac.yaml, in the form of what the server wrote down.
sub documented {
    open my $f, '<', "$Kecs::ROOT/k8s/rbac.yaml" or die $!;
    my (@rights, $kind, $group, $resource);
    while (my $line = <$f>) {
        $kind = $1 if $line =~ /^kind: (\w+)/;
        $group = $1 || '-' if $line =~ /^- apiGroups: \["(.*)"\]/;
        $resource = $1 if $line =~ /^  resources: \["(.*)"\]/;
        next unless $line =~ /^  verbs: \[(.*)\]/;
        my $space = $kind eq 'ClusterRole' ? '-' : 'here';
        push @rights, map { "$space $group $resource $_" } $1 =~ /"(\w+)"/g;
    }
    return [sort @rights];
}

with_api('a good cluster');
has('cluster', qr/^ok context near/, 'a cluster that is named');
has('API server', qr/^ok answers, Kubernetes v1\.31\.0$/, 'it answers');
has('clock', qr/^ok /, 'its clock');
has('rights', qr/\A(?:ok to \w+(?: of the cluster)?: all\n?){9}\z/,
    'all rights');
has('Lease', qr/^ok nobody holds it$/, 'no Lease');
is_deeply([sort split /\n/, do {
    open my $f, '<', $API->{asked} or die $!;
    local $/;
    <$f>;
}], documented(), 'it asks for the rights of k8s/rbac.yaml, and no other');

with_api('a poor cluster', ahead => 90, holder => 'elsewhere_1_ab',
    lack => ['delete pods', 'watch pods', 'update leases']);
has('clock', qr/^fail .* is \d+\.\d s ahead of ours$/, 'a clock that differs');
has('rights', qr/^fail to pods: missing delete watch$/m, 'rights to pods');
has('rights', qr/^warn to leases: missing update$/m, 'to Leases');
has('Lease', qr/^warn held by elsewhere_1_ab: /, 'another holder');
with_api('a slow clock', ahead => -30, holder => '');
has('clock', qr/^warn .* s behind ours$/, 'a clock that is slow');
with_api('a cluster that refuses', refuse => 401);
has('API server', qr/^fail HTTP 401 no$/, 'is told');

diagnosis('no API server', { sane($fit->{port}) }, @there, @ports,
    '--kubeconfig', kubeconfig('near', "http://127.0.0.1:$API->{port}"));
has('API server', qr/^fail .*port $API->{port}/, 'is told');
diagnosis('a cluster elsewhere', { sane($fit->{port},
    KUBECONFIG => kubeconfig('far', 'https://192.0.2.1:6443')) }, @there,
    @ports);
has('cluster', qr/^ok found context far .* was not asked/, 'is left alone');
diagnosis('no such file', { sane($fit->{port}) }, @there, @ports,
    '--kubeconfig', "$fit->{temp}/nowhere");
has('cluster', qr/^fail /, 'is told');

$own->done;
