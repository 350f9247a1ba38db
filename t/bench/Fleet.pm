package Fleet;

# A fleet: 10,000 tasks on 200 nodes, thousands of services, on the simulated
# runtime and on a real API server with fake nodes (t/cluster up --fake).
#
# On a real API server most of the time is the server's, and on one machine
# the CPU is shared with it, its scheduler and the fake nodes; so figures are
# set against what a plain client of the same server gets at the same moment
# (kube_raw.c), and the CPU of the reconciler is told beside them.  When the
# API server got a request, and when it had answered, is in its audit log.
#
# BENCH_TASKS (10000), BENCH_NODES (200), BENCH_SERVICES (10000).

use strict;
use warnings;

use Cwd ();
use JSON::PP ();
use Time::HiRes qw(time sleep);
use Time::Local ();

use KecsCluster ();

my $json = JSON::PP->new->canonical;

my %definition = (family => 'bench', containerDefinitions => [ {
    name => 'web', image => 'busybox', memory => 16,
    essential => JSON::PP::true } ]);
my %task = (cluster => 'bench', taskDefinition => 'bench');

sub new {
    my ($class, $bench, %report) = @_;
    return bless { %report, b => $bench,
        tasks => $ENV{BENCH_TASKS} || 10_000,
        nodes => $ENV{BENCH_NODES} || 200,
        services => $ENV{BENCH_SERVICES} || 10_000 }, $class;
}

sub row {
    my ($self, $name, @columns) = @_;
    $self->{say_line}->('  %-32s' . ' %11s' x @columns, $name, @columns);
}

sub record { my ($self, @more) = @_; return $self->{record}->('fleet', @more) }
sub ms { return sprintf '%.2f ms', $_[0] }
sub seconds { return sprintf '%.1f s', $_[0] }


# The reconciler's process.

sub cpu { return $_[0]{b}->cpu_seconds($_[1]{reconciler}) }

sub status_of {
    my ($pid) = @_;
    open my $f, '<', "/proc/$pid/status" or return {};
    return { map { /^(\w+):\s+(\d+) kB/ ? ($1 => $2 / 1024) : () } <$f> };
}

# Percent of one CPU in so many seconds in which nothing is asked of it.
sub idle_cpu {
    my ($self, $system, $seconds) = @_;
    my ($cpu, $begin) = ($self->cpu($system), time);
    sleep $seconds;
    return 100 * ($self->cpu($system) - $cpu) / (time - $begin);
}

# Until it says that it has nothing left to do.
sub quiet {
    my ($self, $system) = @_;
    my $since = 1000 * time;
    $self->{b}->until_true('the reconciler to rest', $system->{pid},
        300, sub {
            open my $f, '<', "$system->{store}/reconciler.status"
                or return 0;
            my %said = map { /^(\S+) (\d+)$/ ? ($1 => $2) : () } <$f>;
            return ($said{time} // 0) > $since && !$said{lag}
                && !grep { /^queue/ && $said{$_} } keys %said;
        });
}

sub prepare {
    my ($self, $system) = @_;
    $self->{b}->must($system, 'CreateCluster', { clusterName => 'bench' });
    $self->{b}->must($system, 'RegisterTaskDefinition', \%definition);
}

# All that are wanted are RUNNING; how many these are.
sub settle {
    my ($self, $system, $within) = @_;
    my $until = time + $within;
    while (1) {
        my $cluster = $self->{b}->must($system, 'DescribeClusters',
            { clusters => ['bench'] })->{clusters}[0];
        return $cluster->{runningTasksCount}
            if !$cluster->{pendingTasksCount};
        die "the tasks do not all run within $within s\n" if time > $until;
        sleep 0.2;
    }
}

# RunTask of n tasks, ten at a time.
sub run_many {
    my ($self, $system, $n) = @_;
    my $b = $self->{b};
    $b->load($system, $b->request('/', 'RunTask', { %task, count => 10 }),
        connections => 4, seconds => 60, count => $n / 10);
}


# Simulated.

sub simulated {
    my ($self) = @_;
    my $system = $self->{up}->('fleet', '--set', 'simulated-start=0',
        '--set', "simulated-nodes=$self->{nodes}", '--workers', 1);
    ($system->{reconciler}) = grep {
        $self->{b}->name_of($_) eq 'kecs-reconciler'
    } $self->{b}->tree($system->{pid});
    $system->{store} = "$system->{dir}/data";
    $self->prepare($system);

    $self->{heading}->("simulated, $self->{nodes} nodes", 'idle CPU',
        'RUNNING', 'its CPU', 'memory');
    $self->some_services($system, $_)
        for grep { $_ <= $self->{services} } 100, 1000, 10_000;
    $self->simulated_tasks($system);
    $self->{b}->stop($system->{pid}, 'TERM');
}

# What an idle service costs, and one that is scaled among so many.
sub some_services {
    my ($self, $system, $n) = @_;
    my $b = $self->{b};
    my $have = $system->{services} || 0;
    $b->many($system, 'CreateService', map { { cluster => 'bench',
        serviceName => "s$_", taskDefinition => 'bench', desiredCount => 0 } }
        $have + 1 .. $n);
    $system->{services} = $n;
    $self->quiet($system);
    my $idle = $self->idle_cpu($system, 5);

    my $cpu = $self->cpu($system);
    my @took = map { $self->scale_one($system, 's' . (1 + int rand $n)) }
        1 .. 50;
    $cpu = 1000 * ($self->cpu($system) - $cpu) / 50;
    my $memory = $b->rss_anon($system->{reconciler});

    my $took = Bench::median(@took);
    $self->{few} //= $took;
    my $aims = $self->record("$n services", idle_percent => $idle,
        running_ms => $took, cpu_ms => $cpu, megabytes => $memory,
        to_first => $took / $self->{few},
        aims => { idle_percent => [ '<=', 1 ], to_first => [ '<=', 2 ] });
    $self->row("$n services, one scaled", sprintf('%.1f %%', $idle),
        ms($took), ms($cpu), sprintf('%.1f MB', $memory), $aims);
}

# Milliseconds from the call to its task RUNNING.
sub scale_one {
    my ($self, $system, $name) = @_;
    my $b = $self->{b};
    my %service = (cluster => 'bench', service => $name);
    my $begin = time;
    $b->must($system, 'UpdateService', { %service, desiredCount => 1 });
    until ($b->must($system, 'DescribeServices', { cluster => 'bench',
        services => [$name] })->{services}[0]{runningCount} == 1)
    {
        die "$name does not start\n" if time - $begin > 20;
        sleep 0.001;
    }
    my $took = 1000 * (time - $begin);
    $b->must($system, 'UpdateService', { %service, desiredCount => 0 });
    return $took;
}

sub simulated_tasks {
    my ($self, $system) = @_;
    $self->quiet($system);
    my ($n, $begin, $cpu) = ($self->{tasks}, time, $self->cpu($system));
    $self->run_many($system, $n);
    $self->settle($system, 120);
    my $took = time - $begin;
    $cpu = 1000 * ($self->cpu($system) - $cpu) / $n;
    $self->quiet($system);
    my $idle = $self->idle_cpu($system, 5);
    my $memory = $self->{b}->rss_anon($system->{reconciler});
    my $aims = $self->record("$n tasks, simulated", seconds => $took,
        cpu_ms => $cpu, idle_percent => $idle, megabytes => $memory,
        aims => { idle_percent => [ '<=', 1 ] });
    $self->row("$n tasks", sprintf('%.1f %%', $idle), seconds($took),
        ms($cpu), sprintf('%.1f MB', $memory), $aims);
}


# A real API server.

sub audit_policy {
    my ($self) = @_;
    my $file = "$self->{b}{dir}/audit.yaml";
    open my $f, '>', $file or die "$file: $!\n";
    print $f <<'END';
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create]
  resources: [{ group: "", resources: [pods] }]
- level: None
END
    close $f or die "$file: $!\n";
    return $file;
}

sub stamp {
    my ($day, $fraction) = $_[0] =~ /^([^.]*)\.(\d+)Z/ or return 0;
    my ($y, $m, $d, @hms) = split /[-T:]/, $day;
    return Time::Local::timegm(reverse(@hms), $d, $m - 1, $y) + "0.$fraction";
}

# name => [received, answered] of the pods that were made since the last
# look.
sub made {
    my ($self) = @_;
    open my $f, '<', $self->{audit} or return {};
    seek $f, $self->{audited} || 0, 0;
    my %made;
    while (<$f>) {
        last if !/\n\z/;
        $self->{audited} = tell $f;
        next if /"subresource"/ || !/"name":"(ecs-\w+)"/;
        my $name = $1;
        $made{$name} = [ map { stamp($_) }
            /"requestReceivedTimestamp":"([^"]+)","stageTimestamp":"([^"]+)"/
        ];
    }
    return \%made;
}

# Looks until n more were made; all of them.
sub made_all {
    my ($self, $n, $within) = @_;
    my (%all, $until);
    $until = time + $within;
    while (keys %all < $n) {
        die "$n pods are not made within $within s\n" if time > $until;
        sleep 0.2;
        %all = (%all, %{ $self->made });
    }
    return \%all;
}

# The reconciler alone in the cluster's network namespace; the API is
# outside, on the same store.
sub start_reconciler {
    my ($self, $system) = @_;
    my $cluster = $self->{cluster};
    my $log = "$self->{b}{dir}/reconciler.log";
    unlink $log;
    my $begin = time;
    my $pid = $self->{b}->spawn($log, 'nsenter', "--net=$cluster->{netns}",
        "$self->{b}{build}/kecs-reconciler", '--data', $system->{store},
        '--runtime', 'kubernetes', '--kubeconfig', $cluster->{kubeconfig},
        '--namespace', $cluster->{namespace});
    $system->{reconciler} = $pid;
    $self->{b}->until_true('the reconciler', $pid, 120, sub {
        return $self->{b}->log_of($pid) =~ /ready: /;
    });
    return $begin;
}

sub raw {
    my ($self, $verb, $query, @more) = @_;
    my $c = $self->{cluster};
    return $self->{b}->json_of('nsenter', "--net=$c->{netns}",
        "$self->{b}{build}/bench/kube_raw", $verb,
        "https://127.0.0.1:6443/api/v1/namespaces/$c->{namespace}/pods?$query",
        $self->{token}, "$c->{dir}/pki/ca.crt", @more);
}

sub raw_post {
    my ($self, $connections, $n) = @_;
    my $got = $self->raw('post', 'fieldValidation=Strict', $connections, $n,
        $self->{body});
    die "POST of plain pods: $got->{errors} errors\n" if $got->{errors};
    $self->made_all($n, 10);
    return $got;
}

# A pod like ours that is nobody's: for the plain client.
sub write_body {
    my ($self) = @_;
    my ($pod) = @{ $self->{cluster}->get('pods')->{items} };
    my ($meta, $spec) = @{$pod}{qw(metadata spec)};
    delete @{$meta}{qw(managedFields uid resourceVersion creationTimestamp
        generation finalizers)};
    delete @{$spec}{qw(nodeName affinity volumes tolerations priority
        preemptionPolicy serviceAccount)};
    delete $pod->{status};
    $meta->{name} = 'ecs-' . '@' x 32;
    $meta->{labels}{'kecs/store'} = 'plain';
    $self->{body} = "$self->{b}{dir}/pod.json";
    open my $f, '>', $self->{body} or die "$self->{body}: $!\n";
    print $f $json->encode($pod);
    close $f or die "$self->{body}: $!\n";
}

sub kubernetes {
    my ($self) = @_;
    my $b = $self->{b};
    if (my $why = KecsCluster::missing('kwok')) {
        $self->{say_line}->("no fleet on a real API server: $why");
        return;
    }
    $self->{audit} = "$b->{dir}/audit.log";
    my $cluster = $self->{cluster} = KecsCluster->new('--fake',
        $self->{nodes}, '--flag', 'kube-apiserver=--audit-policy-file='
            . $self->audit_policy, '--flag',
        "kube-apiserver=--audit-log-path=$self->{audit}");
    open my $f, '<', $cluster->{kubeconfig} or die "$!\n";
    ($self->{token}) = map { /token: (\S+)/ ? $1 : () } <$f>;
    $b->compile('kube_raw', '-lcurl');

    my $system = $b->nginx(name => 'fleet-kube', workers => 1);
    $system->{store} = "$system->{dir}/store";
    $self->prepare($system);
    $self->start_reconciler($system);
    $b->until_true('the nodes', $system->{reconciler}, 60, sub {
        my ($status) = $b->call($system, 'RunTask', { %task });
        return $status == 200;
    });
    $self->settle($system, 60);
    $self->quiet($system);
    $self->write_body;
    $self->made;

    $self->{heading}->("Kubernetes, $self->{nodes} fake nodes",
        'ours', 'p99', 'plain', 'p99', 'ratio', 'its CPU');
    $self->latency($system, 'first tasks');
    $self->burst($system);
    $self->latency($system, "with $self->{tasks} running");
    $self->restart($system) for 1 .. 2;
    $self->measure_idle($system);

    $b->stop($system->{reconciler});
    $b->stop($system->{pid}, 'QUIT');
    undef $self->{cluster};
}

# From the answer of RunTask to that of the POST of its pod, against a plain
# client's POST; and to the arrival of the POST.
sub latency {
    my ($self, $system, $name) = @_;
    my $b = $self->{b};
    my (@plain, @worst, %answered, %made);
    my $cpu = $self->cpu($system);
    for (1 .. 2) {
        my $raw = $self->raw_post(1, 100);
        push @plain, $raw->{p50_ms};
        push @worst, $raw->{p99_ms};
        for (1 .. 100) {
            my $answer = $b->must($system, 'RunTask', \%task);
            my $now = time;
            my ($id) = $answer->{tasks}[0]{taskArn} =~ m{/(\w+)$};
            $answered{"ecs-$id"} = $now;
            sleep 0.03;
        }
        %made = (%made, %{ $self->made_all(100, 60) });
    }
    $cpu = 1000 * ($self->cpu($system) - $cpu) / keys %answered;
    my (@sent, @done) = ();
    for my $pod (keys %answered) {
        push @sent, 1000 * ($made{$pod}[0] - $answered{$pod});
        push @done, 1000 * ($made{$pod}[1] - $answered{$pod});
    }
    my ($sent, $sent99) = map { Bench::percentile($_, @sent) } 0.5, 0.99;
    my ($done, $done99) = map { Bench::percentile($_, @done) } 0.5, 0.99;
    my ($plain, $plain99) = (Bench::median(@plain), Bench::median(@worst));
    my $aims = $self->record("RunTask to POST, $name", sent_p50_ms => $sent,
        sent_p99_ms => $sent99, answered_p50_ms => $done,
        answered_p99_ms => $done99, plain_p50_ms => $plain,
        plain_p99_ms => $plain99, ratio => $done / $plain, cpu_ms => $cpu,
        aims => { sent_p50_ms => [ '<=', 5 ], sent_p99_ms => [ '<=', 50 ] });
    $self->row("RunTask to POST, $name", ms($sent), ms($sent99));
    $self->row('  to its answer, plain POST', ms($done), ms($done99),
        ms($plain), ms($plain99), sprintf('%.2f', $done / $plain), ms($cpu),
        $aims);
}

# Many at once: pods per second, against a plain client on 64 connections.
sub burst {
    my ($self, $system) = @_;
    my $n = $self->{tasks};
    my $raw = $self->raw_post(64, $n < 2000 ? $n : 1000);
    my $plain = $raw->{count} / $raw->{seconds};
    my $have = $self->settle($system, 600);
    my ($begin, $cpu) = (time, $self->cpu($system));
    $self->run_many($system, $n);
    $self->made_all($n, 600);
    my $rate = $n / (time - $begin);
    my $posts = 1000 * ($self->cpu($system) - $cpu) / $n;
    my $running = $self->settle($system, 600) - $have;
    die "$running of $n tasks run\n" if $running != $n;
    my $took = time - $begin;
    $cpu = 1000 * ($self->cpu($system) - $cpu) / $n;
    my $peak = status_of($system->{reconciler})->{VmHWM};
    my $aims = $self->record("$n pods at once", pods_per_s => $rate,
        plain_per_s => $plain, ratio => $rate / $plain,
        running_s => $took, cpu_ms_to_post => $posts, cpu_ms => $cpu,
        peak_megabytes => $peak, plain_cpu_ms => 1000 * $raw->{cpu}
            / $raw->{count},
        aims => { ratio => [ '>=', 0.8 ], peak_megabytes => [ '<=', 150 ] });
    $self->row("$n pods at once", sprintf('%.0f/s', $rate), '',
        sprintf('%.0f/s', $plain), '', sprintf('%.2f', $rate / $plain),
        ms($cpu), $aims);
    $self->row('  all of them RUNNING, peak', seconds($took),
        sprintf('%.0f MB', $peak));
}

# Comes to a cluster that has them all; a task waits for it.
sub restart {
    my ($self, $system) = @_;
    my $b = $self->{b};
    $b->stop($system->{reconciler});
    my $raw = $self->raw('list', 'limit=500');
    $self->made;
    $b->must($system, 'RunTask', \%task);
    my $begin = $self->start_reconciler($system);
    my $took = time - $begin;
    my $cpu = $self->cpu($system);
    my ($pod) = values %{ $self->made_all(1, 60) };
    my $first = $pod->[0] - $begin;
    my $peak = status_of($system->{reconciler})->{VmHWM};
    my $aims = $self->record("restart with $self->{tasks} pods",
        seconds => $took, plain_seconds => $raw->{seconds},
        ratio => $took / $raw->{seconds}, first_post_s => $first,
        cpu_s => $cpu, plain_cpu_s => $raw->{cpu},
        megabytes_listed => $raw->{bytes} / 1048576,
        peak_megabytes => $peak,
        aims => { seconds => [ '<=', 5 ], peak_megabytes => [ '<=', 150 ] });
    $self->row('restart, plain list of the pods', seconds($took), '',
        seconds($raw->{seconds}), '',
        sprintf('%.2f', $took / $raw->{seconds}), seconds($cpu), $aims);
    $self->row('  to the first POST, peak', seconds($first),
        sprintf('%.0f MB', $peak));
}

sub measure_idle {
    my ($self, $system) = @_;
    $self->quiet($system);
    my $idle = $self->idle_cpu($system, 10);
    my $s = status_of($system->{reconciler});
    my $aims = $self->record("$self->{tasks} pods, idle",
        idle_percent => $idle, private_megabytes => $s->{RssAnon},
        megabytes => $s->{VmRSS}, aims => { idle_percent => [ '<=', 1 ],
            megabytes => [ '<=', 150 ] });
    $self->row("$self->{tasks} pods, nothing to do",
        sprintf('%.1f %%', $idle), sprintf('%.1f MB', $s->{VmRSS}), $aims);
}

1;
