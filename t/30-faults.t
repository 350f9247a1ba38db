#!/usr/bin/perl

# Faults: a full disk, a full map, a folder without rights, a read-only one,
# a dead reconciler, an API server out of reach, readers killed in mid-air.
# Each time: a clear error or a retry, readyz says so, nothing acknowledged
# is lost, and all is well again without a restart once the cause is gone.

use strict;
use warnings;

use File::Path ();
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsUp;
use Test::More;
use Time::HiRes qw(time sleep);

# Mounts are made in a namespace of this test's own.
my @unshare = qw(unshare -m --propagation private);

if (!$ENV{KECS_MOUNTS} && ($ENV{CI} || ($> == 0
    && system(join ' ', @unshare, 'true 2>/dev/null') == 0)))
{
    $ENV{KECS_MOUNTS} = 1;
    exec @unshare, $^X, "-I$Kecs::ROOT/t/lib", $0
        or die "unshare: $!\n";
}

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my $mounts = $ENV{KECS_MOUNTS};
my @FAST = qw(--simulated-start 20ms --simulated-stop 20ms
              --healthy-after 100ms --throttle-first 200ms);


# Helpers.

my @mounted;

sub mount {
    my ($dir, $options) = @_;

    mkdir $dir;
    push @mounted, $dir;
    is(system(qw(mount -t tmpfs -o), $options, 'kecs', $dir), 0,
       "a disk: $options");
}

END {
    local $?;
    system(qw(umount -l), $_) for @mounted;
}

sub system_of {
    my (%o) = @_;

    my $t = Kecs->new(workers => 2, reconciler => [@FAST], %o);
    (my $template = $t->{template}) =~ s/size=256m/size=$o{size}/ if $o{size};
    $t->write_conf($template) if $o{size};

    return $t;
}

# Creates a cluster, and keeps its name when that was acknowledged.
sub create {
    my ($t, $name) = @_;

    my ($status, $json) = $t->api('CreateCluster', { clusterName => $name });
    push @{ $t->{acknowledged} }, $name if $status == 200;

    return ($status, ref $json ? $json->{message} : $json);
}

sub nothing_lost {
    my ($t) = @_;

    my @names = @{ $t->{acknowledged} };
    my @missing;

    while (my @some = splice @names, 0, 100) {
        my ($status, $json) = $t->api('DescribeClusters',
                                      { clusters => \@some });
        push @missing, ref $json ? map { $_->{arn} } @{ $json->{failures} }
                                 : "$status $json";
    }

    is("@missing", '', 'nothing acknowledged is lost');
}

sub ready {
    my ($t, $name) = @_;

    ok(Kecs::wait_for($t, sub { ($t->get('/readyz'))[0] == 200 }, 30), $name)
        or diag(($t->get('/readyz'))[1]);
}

sub not_ready {
    my ($t, $why, $name) = @_;

    my $text = '';
    ok(Kecs::wait_for($t, sub {
        (my $status, $text) = $t->get('/readyz');
        $status == 503 && $text =~ $why;
    }, 30), $name) or diag($text);
}

sub ok_api {
    my ($t, $op, $in) = @_;

    my ($status, $json) = $t->api($op, $in);
    is($status, 200, $op) or diag(ref $json ? $t->json->encode($json) : $json);

    return $json;
}

sub define {
    my ($t) = @_;

    ok_api($t, 'RegisterTaskDefinition', { family => 'f',
        containerDefinitions => [{ name => 'a', image => 'i', memory => 8 }] });
}

sub run_task {
    my ($t) = @_;

    return ok_api($t, 'RunTask', { taskDefinition => 'f' })
           ->{tasks}[0]{taskArn};
}

sub task_is {
    my ($t, $arn, $wanted, $name) = @_;

    my $status;
    ok(Kecs::wait_for($t, sub {
        my (undef, $json) = $t->api('DescribeTasks', { tasks => [$arn] });
        $status = $json->{tasks}[0]{lastStatus};
        $status eq $wanted;
    }, 30), $name) or diag($status);
}

sub end {
    my ($t) = @_;

    nothing_lost($t);
    $t->stop;
    my $said = `$BUILD/kecs check --data @{[ $t->data ]} 2>&1`;
    is($?, 0, 'the store is sound') or diag($said);
    $t->no_alerts;
    $t->no_sanitizer_errors;
}


# An API server out of reach; it starts while the other faults are tried.

my $beyond = KecsUp->new(
    build => $BUILD, env => Kecs::sanitizer_env(), runtime => 'kubernetes',
    workers => 2);
my $closed = Kecs::free_port();
my $kubeconfig = "$beyond->{temp}/kubeconfig";
open my $f, '>', $kubeconfig or die "$kubeconfig: $!\n";
print $f <<"END";
apiVersion: v1
kind: Config
current-context: away
contexts:
- { name: away, context: { cluster: away, user: me } }
clusters:
- { name: away, cluster: { server: "https://127.0.0.1:$closed" } }
users:
- { name: me, user: { token: none } }
END
close $f;
$beyond->{flags} = ['--kubeconfig', $kubeconfig];
$beyond->launch;


# A reconciler that dies; it is missed ten seconds later, so it is asked for
# again below.

my $dead = system_of();
$dead->start;
ready($dead, 'dead reconciler: ready before');
ok_api($dead, 'CreateCluster', {});
define($dead);
my $survivor = run_task($dead);
task_is($dead, $survivor, 'RUNNING', 'dead reconciler: a task runs');
$dead->stop_reconciler('KILL');
my $born = run_task($dead);


# Readers that die with their slot in the table: it is free again.

sub readers {
    my ($t) = @_;

    my ($n) = ($t->get('/metrics'))[1] =~ /^kecs_store_readers (\d+)/m;

    return $n;
}

sub all_workers {
    my ($t) = @_;

    return $t->wait_for(sub { $t->worker_pids == $t->{workers} });
}

my $slots = readers($dead);
cmp_ok($slots, '>', 0, 'readers: some have a slot');

for my $round (1 .. 3) {
    $dead->slay($dead->worker_pids);
    delete $dead->{http};
    ok(all_workers($dead), "readers: round $round: new workers");
    is((create($dead, "round-$round"))[0], 200, "readers: round $round: a write");
}

ok($dead->wait_for(sub { readers($dead) <= $slots }),
   'readers: slots of the dead are cleared') or diag(readers($dead));
$dead->allow(qr/exited on signal 9/);


# A disk that is full.

SKIP: {
    skip 'mounting a small disk needs root', 1 unless $mounts;

    my $t = system_of();
    mount($t->data, 'size=24m,mode=0755');
    my $ballast = $t->data . '/ballast';
    my $fill = sub {
        open my $b, '>', $ballast or die "$ballast: $!\n";
        1 while syswrite $b, "\0" x 4096;
        close $b;
    };

    $fill->();
    $t->start;
    not_ready($t, qr/^\[-\]store failed: the disk .* is full/m,
              'full disk: no store can be made');
    my ($status, $message) = create($t, 'early');
    like("$status $message", qr/^500 .*the disk .* is full/,
         'full disk: and calls are told so');
    unlink $ballast;
    ready($t, 'full disk: until there is room');

    ok_api($t, 'CreateCluster', {});
    define($t);
    my $arn = run_task($t);
    task_is($t, $arn, 'RUNNING', 'full disk: a task runs');
    create($t, "before-$_") for 1 .. 20;

    # The table of readers is written through the map: a hole in it would
    # end whoever touches it, now that no block is left.

    my ($size, $blocks) = (stat $t->data . '/lock.mdb')[7, 12];
    cmp_ok($blocks * 512, '>=', $size, 'full disk: readers have their room');

    $fill->();
    ok($t->reload, 'full disk: a reload');
    my @answers = map { join ' ', create($t, "during-$_") } 1 .. 100;
    my @refused = grep { !/^200/ } @answers;
    cmp_ok(scalar @refused, '>', 0, 'full disk: writes are refused');
    is(scalar(grep { !/^500 The (?:disk of the )?store is full/ } @refused), 0,
       'full disk: the reason is given') or diag(join "\n", @refused);
    is(($t->api('ListClusters', {}))[0], 200, 'full disk: reads go on');
    not_ready($t, qr/^\[-\]space failed: the disk of the store is full$/m,
              'full disk: readyz says so');
    my $sign = $t->said->{time};
    ok($t->wait_for(sub { ($t->said->{time} // 0) > $sign + 1500 }),
       'full disk: the reconciler goes on to say how it does');
    unlike(($t->get('/readyz'))[1], qr/gave no sign|is not running/,
           'full disk: which is heard');
    ($status) = $t->api('StopTask', { task => $arn });
    like($status, qr/^(?:200|500)$/, "full disk: StopTask: $status");
    nothing_lost($t);

    unlink $ballast;
    ok($t->wait_for(sub { (create($t, 'after'))[0] == 200 }),
       'full disk: it recovers without a restart');
    ready($t, 'full disk: ready again');
    ok_api($t, 'StopTask', { task => $arn });
    task_is($t, $arn, 'STOPPED', 'full disk: the reconciler goes on');
    $t->allow(qr/\[crit\].*cannot open the store .* is full/);
    end($t);
}


# The whole of `kecs up` on a disk that is full: nothing of it minds.

SKIP: {
    skip 'mounting a small disk needs root', 1 unless $mounts;

    my $t = KecsUp->new(build => $BUILD, env => Kecs::sanitizer_env(),
        workers => 2,
        sets => [qw(simulated-start=20ms simulated-stop=20ms)]);
    mount($t->{data}, 'size=24m,mode=0700');
    $t->start;
    ok_api($t, 'CreateCluster', {});
    open my $b, '>', "$t->{data}/ballast" or die "ballast: $!\n";
    1 while syswrite $b, "\0" x 4096;
    close $b;

    not_ready($t, qr/^\[-\]space failed: the disk of the store is full$/m,
              'full disk, kecs up: readyz says so');
    my @others = grep { $_ ne '[-]space failed: the disk of the store is full'
                        && /^\[-\]/ } split /\n/, ($t->get('/readyz'))[1];
    is("@others", '', 'full disk, kecs up: and nothing else');
    ok($t->reload, 'full disk, kecs up: a reload');
    is(scalar(grep { ($t->api('ListClusters', {}))[0] != 200 } 1 .. 20), 0,
       'full disk, kecs up: reads go on');
    is((create($t, 'refused'))[0], 500, 'full disk, kecs up: no write');
    unlink "$t->{data}/ballast";
    ready($t, 'full disk, kecs up: ready again');
    ok(Kecs::wait_for($t, sub { (create($t, 'taken'))[0] == 200 }),
       'full disk, kecs up: a write');
    is($t->stop, 0, 'full disk, kecs up: it ends in good order');
    $t->final_checks;
    system(qw(umount -l), pop @mounted);
}


# A disk that fills up while the store is made leaves nothing that is in the
# way later.

SKIP: {
    skip 'mounting a small disk needs root', 1 unless $mounts;

    my $dir = File::Temp::tempdir('kecs-test-XXXXXX', TMPDIR => 1,
                                  CLEANUP => 1);
    mount($dir, 'size=256k');
    my $make = "$BUILD/kecs-reconciler --data $dir/store --create --release"
               . ' --runtime simulated 2>&1';
    my (@unclear, @stuck);

    for my $blocks (0 .. 12) {
        open my $b, '>', "$dir/ballast" or die "ballast: $!\n";
        syswrite $b, "\0" x (4096 * (63 - $blocks));
        close $b;
        mkdir "$dir/store";
        my $said = `$make`;
        push @unclear, "$blocks: $said" if $? && $said !~ /disk .* is full/;
        unlink "$dir/ballast";
        $said = `$make`;
        push @stuck, "$blocks: $said" if $?;
        File::Path::remove_tree("$dir/store");
    }

    is("@unclear", '', 'tiny disk: what is wrong is said');
    is("@stuck", '', 'tiny disk: with room the store can be made');
}


# A disk that takes everything but the last write of a commit: LMDB gives up,
# and the store is opened again by whoever meets that.

{
    my $shim = File::Temp::tempdir('kecs-test-XXXXXX', TMPDIR => 1,
                                   CLEANUP => 1);
    is(system(split(' ', $ENV{CC} || 'cc'), qw(-shared -fPIC -O -o),
              "$shim/fault.so", "$Kecs::ROOT/t/data/meta_fault.c"), 0,
       'refused commit: the fault is built');
    my $first = Kecs::sanitizer_env()->{LD_PRELOAD} // '';
    my $t = system_of(env => { LD_PRELOAD => "$first $shim/fault.so",
                               KECS_FAULT => "$shim/now" })->start;
    ready($t, 'refused commit: ready before');
    ok_api($t, 'CreateCluster', {});
    define($t);
    my @arns = map { run_task($t) } 1 .. 2;
    task_is($t, $_, 'RUNNING', 'refused commit: a task runs') for @arns;
    my $reconciler = $t->{reconciler_pid};
    my @workers = sort $t->worker_pids;

    for my $round (1 .. 3) {
        open my $f, '>', "$shim/now" or die "$shim/now: $!\n";
        my @answers = map { join ' ', create($t, "refused-$round-$_") }
                      1 .. 5;
        is(scalar(grep { !/^500 The disk of the store refuses to be written/ }
                  @answers), 0, 'refused commit: a clear error')
            or diag(join "\n", @answers);
        is(scalar(grep { ($t->api('ListClusters', {}))[0] != 200 } 1 .. 5), 0,
           'refused commit: reads go on');
        unlink "$shim/now";
        is((create($t, "taken-$round"))[0], 200,
           'refused commit: the next write is done');
    }

    nothing_lost($t);

    # The reconciler meets it, too.

    $t->freeze($reconciler);
    ok_api($t, 'StopTask', { task => $arns[0] });
    open my $f, '>', "$shim/now" or die "$shim/now: $!\n";
    kill 'CONT', $reconciler;
    ok($t->wait_for(sub {
        $t->read_file('reconciler.log') =~ /the store cannot be written: /;
    }), 'refused commit: the reconciler cannot write');
    not_ready($t, qr/^\[-\]reconciler failed: the store cannot be written/m,
              'refused commit: readyz says so');
    unlink "$shim/now";
    task_is($t, $arns[0], 'STOPPED', 'refused commit: it goes on');
    is(join(' ', sort $t->worker_pids), "@workers",
       'refused commit: no worker was restarted');
    is($t->{reconciler_pid}, $reconciler, 'nor the reconciler');
    ready($t, 'refused commit: ready');
    end($t);
}


# A disk that is read-only.

SKIP: {
    skip 'mounting a read-only disk needs root', 1 unless $mounts;

    my $t = system_of(reconciler => undef);
    mount($t->data, 'ro,mode=0755');
    $t->start;
    not_ready($t, qr/^\[-\]store failed: .*read-only/m,
              'read-only disk: readyz says so');
    my ($status, $message) = create($t, 'early');
    like("$status $message", qr/^500 The store is not available: .*read-only/,
         'read-only disk: and calls are told so');

    is(system(qw(mount -o), 'remount,rw', $t->data), 0, 'it can be written now');
    ok($t->wait_for(sub { (create($t, 'after'))[0] == 200 }),
       'read-only disk: it recovers without a restart');
    $t->{reconciler} = [@FAST];
    $t->start_reconciler;
    ready($t, 'read-only disk: ready');
    $t->allow(qr/\[crit\].*cannot open the store .* read-only/);
    end($t);
}


# A folder that is closed to its user: before the start, and later.

{
    my $uid = $> == 0 ? 65534 : 0;
    my $t = system_of(reconciler => undef, uid => $uid, user => '',
                      http_conf => 'kecs_write_timeout 1s;');
    mkdir $t->data;
    chown $uid, $uid, $t->dir, $t->data if $uid;
    chmod 0, $t->data;
    $t->start;
    not_ready($t, qr/^\[-\]store failed: the store folder .* is closed to/m,
              'closed folder: readyz says so');
    my ($status, $message) = create($t, 'early');
    like("$status $message", qr/^500 The store is not available: .* closed /,
         'closed folder: and calls are told so');
    chmod 0700, $t->data;
    ok($t->wait_for(sub { (create($t, 'after'))[0] == 200 }),
       'closed folder: it recovers without a restart');
    $t->{reconciler} = [@FAST];
    $t->start_reconciler;
    ready($t, 'closed folder: ready');

    my $writer = $t->wait_for(sub { $t->writer_pid });
    chmod 0, $t->data;
    is(($t->api('ListClusters', {}))[0], 200, 'closed later: reads go on');
    is((create($t, 'behind-closed-doors'))[0], 200, 'closed later: writes too');
    $t->slay($writer);
    my @answers = map { join ' ', create($t, "during-$_") } 1 .. 3;
    is(scalar(grep { !/^(?:200|500 .+|599 )/ } @answers), 0,
       'closed later: the writer dies: clear errors')
        or diag(join "\n", @answers);
    not_ready($t, qr/^\[-\](?:store|writer) failed: /m,
              'closed later: readyz says so');
    chmod 0700, $t->data;
    ok($t->wait_for(sub { (create($t, 'open'))[0] == 200 }),
       'closed later: it recovers without a restart');
    ready($t, 'closed later: ready again');
    $t->allow(qr/exited on signal 9/,
              qr/\[crit\].*cannot open the store .* closed to/);
    end($t);
}


# A map that is nearly full: what adds is refused, the rest goes on.

{
    my $t = system_of(size => '16m')->start;
    ready($t, 'full map: ready before');
    ok_api($t, 'CreateCluster', {});
    define($t);
    my @arns = map { run_task($t) } 1 .. 3;
    task_is($t, $_, 'RUNNING', 'full map: a task runs') for @arns;
    ok_api($t, 'CreateService', { serviceName => 's', taskDefinition => 'f',
                                  desiredCount => 2 });
    my $running = sub {
        my ($n) = @_;
        ok($t->wait_for(sub {
            my (undef, $json) = $t->api('DescribeServices',
                                        { services => ['s'] });
            $json->{services}[0]{runningCount} == $n;
        }, 30), "full map: the service has $n tasks");
    };
    $running->(2);

    my (@tagged, $status, $json);
    my @tags = map { { key => sprintf('%03d', $_) x 40, value => 'v' x 250 } }
               1 .. 50;
    my $fill = sub {
        for (1 .. 2000) {
            my $name = 'full-' . ++$t->{names};
            my $arn = "arn:aws:ecs:us-east-1:000000000000:cluster/$name";
            create($t, $name);
            ($status, $json) = $t->api('TagResource',
                { resourceArn => $arn, tags => \@tags });
            last if $status != 200;
            push @tagged, $arn;
        }
    };

    $fill->();
    is($status, 500, 'full map: there is an end');
    like($json->{message}, qr/^The store is almost full: requests that add to/,
         'full map: told clearly');
    for my $op ([RunTask => { taskDefinition => 'f' }],
                [CreateCluster => { clusterName => 'x' }],
                [CreateService => { serviceName => 'x',
                    taskDefinition => 'f', desiredCount => 1 }])
    {
        ($status, $json) = $t->api(@$op);
        is("$status $json->{__type}", '500 ServerException',
           "full map: $op->[0] is refused");
    }
    not_ready($t, qr/^\[-\]space failed: \d+ of 16777216 bytes in use$/m,
              'full map: readyz says so');

    ok_api($t, 'StopTask', { task => $arns[0] });
    task_is($t, $arns[0], 'STOPPED', 'full map: a task can be stopped');
    ok_api($t, 'UpdateService', { service => 's', desiredCount => 1 });
    $running->(1);
    my $deleted = shift @{ $t->{acknowledged} };
    shift @tagged;
    is(($t->api('DeleteCluster', { cluster => $deleted }))[0], 200,
       'full map: a cluster can be deleted');

    # While a service waits for room, what is old is still let go of.

    my $used = sub {
        my ($n) = ($t->get('/metrics'))[1]
            =~ /^kecs_store_map_used_bytes (\d+)/m;
        $n;
    };
    my $before = $used->();
    ok_api($t, 'UpdateService', { service => 's', desiredCount => 2 });
    $t->stop_reconciler('KILL');
    push @{ $t->{reconciler} }, qw(--log-entries 1000 --expiry-every 100ms);
    $t->start_reconciler;
    ok($t->wait_for(sub { $used->() < $before - 40960 }, 20),
       'full map: expiry goes on') or diag($used->() - $before);

    # A hundred untagged clusters are room enough.

    for my $arn (splice @tagged, 0, 100) {
        ($status, $json) = $t->api('UntagResource', { resourceArn => $arn,
            tagKeys => [ map { $_->{key} } @tags ] });
        last if $status != 200;
    }

    is($status, 200, 'full map: tags can be removed')
        or diag($json->{message});
    ready($t, 'full map: ready again without a restart');
    is((create($t, 'after'))[0], 200, 'full map: calls that add are taken');
    $running->(2);
    my (undef, $there) = $t->api('DescribeClusters',
        { clusters => [$tagged[-1]], include => ['TAGS'] });
    is_deeply([ sort { $a->{key} cmp $b->{key} }
                @{ $there->{clusters}[0]{tags} } ], \@tags,
              'full map: tags of others are there');

    # More room, by a reload; the reconciler takes it over.

    $fill->();
    is($status, 500, 'larger map: full before');
    (my $larger = $t->{template}) =~ s/size=16m/size=32m/;
    $t->write_conf($larger);
    ok($t->reload, 'larger map: a reload');
    $t->{http} = undef;
    ok($t->wait_for(sub { $t->worker_pids(1) == $t->{workers} }, 30),
       'larger map: the old workers have left');
    ready($t, 'larger map: ready');
    $fill->();
    cmp_ok($used->(), '>', 24 << 20, 'larger map: it is used');
    ok_api($t, 'UpdateService', { service => 's', desiredCount => 1 });
    $running->(1);
    end($t);
}


# The dead reconciler again.

is(($dead->api('ListClusters', {}))[0], 200, 'dead reconciler: reads go on');
is((create($dead, 'meanwhile'))[0], 200, 'dead reconciler: writes go on');
not_ready($dead, qr/^\[-\]reconciler failed: gave no sign for \d+ s$/m,
          'dead reconciler: readyz says so');
task_is($dead, $born, 'PENDING', 'dead reconciler: a new task waits');
$dead->start_reconciler;
ready($dead, 'dead reconciler: ready again with another');
task_is($dead, $born, 'RUNNING', 'dead reconciler: the new task runs');
task_is($dead, $survivor, 'RUNNING', 'dead reconciler: so does the old one');
end($dead);


# The API server out of reach again.

$beyond->await(40);
like($beyond->output, qr/not ready yet; the admin port says:/,
     'no API server: up goes on and says so');
not_ready($beyond, qr/^\[-\]reconciler failed: .*127\.0\.0\.1.*\b$closed\b/m,
          'no API server: readyz names it');
ok_api($beyond, 'CreateCluster', {});
define($beyond);
my $waiting = run_task($beyond);
is((create($beyond, 'unreachable'))[0], 200, 'no API server: writes go on');
ok_api($beyond, 'CreateService', { serviceName => 's', taskDefinition => 'f',
                                   desiredCount => 2 });
my $created;
ok(Kecs::wait_for($beyond, sub {
    (undef, $created) = $beyond->api('ListTasks', { serviceName => 's' });
    @{ $created->{taskArns} } == 2;
}), 'no API server: the scheduler goes on');
my (undef, $seen) = $beyond->api('DescribeTasks',
    { tasks => [$waiting, @{ $created->{taskArns} }] });
is(scalar(grep { $_->{lastStatus} !~ /^(?:PROVISIONING|PENDING)$/ }
          @{ $seen->{tasks} }), 0, 'no API server: tasks wait');
nothing_lost($beyond);
is($beyond->stop, 0, 'no API server: up ends in good order');
$beyond->final_checks;

done_testing();
