#!/usr/bin/perl
# The main job on a real cluster: ECS calls run real containers as pods;
# states, exit codes and reasons come from them; services have Service and
# PodDisruptionBudget; kills and restarts of every part end in the right
# state; two stores never touch each other's objects.

use strict;
use warnings;

use Test::More;
use KecsCluster;
use KecsUp;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new('--registry');
ok($cluster, 'the cluster is up');

my @at = ('--kubeconfig', $cluster->{kubeconfig}, '--namespace',
    $cluster->{namespace});

sub store {
    return KecsUp->new(runtime => 'kubernetes', prefix => $cluster->prefix,
        flags => [ @at ],
        sets => [ 'healthy-after=3s', 'rollout-minute=2s', @KecsUp::SETS[1 .. $#KecsUp::SETS] ],
        @_);
}

my $k = store()->start;
like($k->output, qr/runtime\s+kubernetes/, 'the banner names Kubernetes');

sub definition {
    my ($k, $family, $image, $command, @more) = @_;
    my $json = JSON::PP->new->canonical->encode([ {
        name => 'app', image => $image, memory => 64, essential => \1,
        ($command ? (command => $command) : ()), @more } ]);
    return $k->aws('register-task-definition', '--family', $family,
        '--container-definitions', $json)->{taskDefinition};
}

sub run_task {
    my ($k, @args) = @_;
    my $r = $k->aws(qw(run-task --cluster demo), @args);
    return map { $_->{taskArn} } @{ $r->{tasks} };
}

sub describe {
    my ($k, @arns) = @_;
    return @{ $k->aws(qw(describe-tasks --cluster demo --tasks), @arns)
        ->{tasks} };
}

sub pod_of { return 'ecs-' . ($_[0] =~ m{/([0-9a-f]{32})$})[0] }

sub wait_status {
    my ($k, $status, @arns) = @_;
    return KecsUp::wait_for("tasks to be $status", sub {
        my @t = describe($k, @arns);
        return !grep({ $_->{lastStatus} ne $status } @t) && \@t;
    }, 90);
}

sub service {
    my ($k) = @_;
    return $k->aws(qw(describe-services --cluster demo --services web))
        ->{services}[0];
}

sub wait_stable {
    my ($k) = @_;
    my $s = eval { stable($k) };
    return $s if $s;
    diag($@, JSON::PP->new->pretty->encode(service($k)), $k->output,
        ($cluster->kubectl(qw(get pods -o wide)))[1]);
    die "not stable\n";
}

sub stable {
    my ($k) = @_;
    return KecsUp::wait_for('the service to be stable', sub {
        my $s = service($k);
        return @{ $s->{deployments} } == 1
            && $s->{runningCount} == $s->{desiredCount}
            && $s->{deployments}[0]{rolloutState} eq 'COMPLETED' && $s;
    }, 120);
}

sub pods {
    my ($selector) = @_;
    return @{ $cluster->get('pods', ($selector ? ('-l', $selector) : ()))
        ->{items} };
}

# tasks

$k->aws(qw(create-cluster --cluster-name demo));
definition($k, 'hello', 'kecs.test/hello:1');

my ($task) = run_task($k, qw(--task-definition hello));
my ($running) = @{ wait_status($k, 'RUNNING', $task) };
my $pod = $cluster->get('pod', pod_of($task));
is($pod->{status}{phase}, 'Running', 'the task is a running pod');
is($running->{containers}[0]{lastStatus}, 'RUNNING', 'its container runs');
ok($running->{startedAt} && $running->{pullStoppedAt}, 'times are there');

SKIP: {
    skip 'the cluster is not ours', 1 unless $cluster->own;
    definition($k, 'pulled', '127.0.0.1:5000/team/app:1');
    my ($pulled) = run_task($k, qw(--task-definition pulled));
    my ($t) = @{ wait_status($k, 'RUNNING', $pulled) };
    like($t->{containers}[0]{imageDigest} || '', qr/^sha256:[0-9a-f]{64}$/,
        'an image that was pulled: its digest is shown');
    $k->aws(qw(stop-task --cluster demo --task), $pulled);
}

definition($k, 'exit', 'kecs.test/exit:1', [ '3', '0' ]);
my ($exit) = run_task($k, qw(--task-definition exit));
my ($ended) = @{ wait_status($k, 'STOPPED', $exit) };
is($ended->{containers}[0]{exitCode}, 3, 'the exit code is the real one');
is($ended->{stopCode}, 'EssentialContainerExited', 'stop code');
is($ended->{stoppedReason}, 'Essential container in task exited', 'reason');

definition($k, 'oom', 'kecs.test/oom:1', undef, memory => 32);
my ($oom) = run_task($k, qw(--task-definition oom));
($ended) = @{ wait_status($k, 'STOPPED', $oom) };
is($ended->{containers}[0]{exitCode}, 137, 'out of memory: 137');
like($ended->{containers}[0]{reason}, qr/^OutOfMemoryError/,
    'out of memory: the reason');

definition($k, 'nopull', 'kecs.test/no-such-image:1');
my ($nopull) = run_task($k, qw(--task-definition nopull));
($ended) = @{ wait_status($k, 'STOPPED', $nopull) };
is($ended->{stopCode}, 'TaskFailedToStart', 'an image that is not there');
like($ended->{stoppedReason}, qr/^CannotPullContainerError/, 'its reason');

definition($k, 'literal', 'kecs.test/busybox:1',
    [ 'sh', '-c', 'test "$WHO" = \'$(HOME)\' && exit 7' ],
    environment => [ { name => 'WHO', value => '$(HOME)' } ]);
my ($literal) = run_task($k, qw(--task-definition literal));
($ended) = @{ wait_status($k, 'STOPPED', $literal) };
is($ended->{containers}[0]{exitCode}, 7, '$(HOME) stays what it is');

$k->aws(qw(stop-task --cluster demo --reason enough --task), $task);
($ended) = @{ wait_status($k, 'STOPPED', $task) };
is($ended->{stoppedReason}, 'enough', 'stop-task: the reason');
KecsUp::wait_for('all pods to be gone', sub { !pods() });
pass('no pod is left of stopped tasks');

# a service

$k->aws(qw(create-service --cluster demo --service-name web
    --task-definition hello --desired-count 3));
my $web = wait_stable($k);
is($web->{runningCount}, 3, 'the service runs');
is(scalar pods('ecs/service=web'), 3, 'as three pods');

my ($victim) = pods('ecs/service=web');
$cluster->kubectl('delete', 'pod', $victim->{metadata}{name},
    '--wait=false');
KecsUp::wait_for('the deleted pod to be replaced', sub {
    my @p = grep { !$_->{metadata}{deletionTimestamp} }
        pods('ecs/service=web');
    return @p == 3
        && !grep { $_->{metadata}{name} eq $victim->{metadata}{name} } @p;
});
wait_stable($k);
pass('a pod deleted behind our back is replaced');

# what else stands for a service: a Service and a PodDisruptionBudget

sub object {
    my ($kind, $service, $store) = @_;
    my ($o) = grep { !$_->{metadata}{deletionTimestamp} }
        @{ $cluster->get($kind, '-l', "ecs/service=$service"
            . ($store ? ",kecs/store=$store" : ''))->{items} };
    return $o;
}

sub wait_object {
    my ($what, $kind, $service, $test) = @_;
    my $last;
    my $o = eval {
        KecsUp::wait_for($what, sub {
            $last = object($kind, $service);
            return $last && $test->($last) && $last;
        }, 60);
    };
    diag($@, JSON::PP->new->pretty->encode($last || {}), $k->output) if !$o;
    ok($o, $what);
    return $o;
}

sub budget {
    my ($n, $what) = @_;
    return wait_object($what, 'pdb', 'shop',
        sub { $_[0]{spec}{minAvailable} == $n });
}

definition($k, 'shop', 'kecs.test/hello:1', undef,
    portMappings => [ { containerPort => 8080, name => 'web_ui',
        appProtocol => 'http' }, { containerPort => 8081 } ]);
$k->aws(qw(create-service --cluster demo --service-name shop
    --task-definition shop --desired-count 3 --deployment-configuration
    minimumHealthyPercent=50));
my $svc = wait_object('a Service', 'service', 'shop', sub { 1 });
like($svc->{metadata}{name}, qr/^shop-[0-9a-f]{10}$/, 'its name');
is($svc->{metadata}{labels}{'app.kubernetes.io/managed-by'}, 'kecs',
    'it is ours');
my @ports = @{ $svc->{spec}{ports} };
is_deeply([ map { "$_->{name} $_->{port} $_->{targetPort} $_->{protocol} "
        . ($_->{appProtocol} || '-') } @ports ],
    [ "$ports[0]{name} 8080 8080 TCP http", 'tcp-8081 8081 8081 TCP -' ],
    'ports of the task definition');
like($ports[0]{name}, qr/^web-ui-[0-9a-f]{6}$/, 'named as a Service can');
my $ip = $svc->{spec}{clusterIP};
like($ip, qr/^[0-9.]+$/, 'a cluster address');
my $pdb = budget(2, 'a budget of half of three');
is($pdb->{spec}{unhealthyPodEvictionPolicy}, 'AlwaysAllow',
    'what is not healthy may go');

my @shop = pods('ecs/service=shop');
KecsUp::wait_for('the endpoints', sub {
    my %at = map { $_ => 1 } map { @{ $_->{addresses} } }
        map { @{ $_->{endpoints} || [] } }
        @{ $cluster->get('endpointslices', '-l',
            "kubernetes.io/service-name=$svc->{metadata}{name}")->{items} };
    return keys %at == 3;
});
pass('its endpoints are the three pods');
wait_object('the budget counts them', 'pdb', 'shop', sub {
    my $s = $_[0]{status} || {};
    return ($s->{currentHealthy} || 0) == 3 && $s->{desiredHealthy} == 2
        && $s->{disruptionsAllowed} == 1;
});

definition($k, 'client', 'kecs.test/busybox:1',
    [ 'sh', '-c', "wget -qO- http://$ip:8080/" ]);
my ($client) = run_task($k, qw(--task-definition client));
($ended) = @{ wait_status($k, 'STOPPED', $client) };
is($ended->{containers}[0]{exitCode}, 0,
    'a task reaches the service by its cluster address');

sub unlabelled {
    my ($pod) = pods('ecs/service=shop');
    my @at = ('pod', $pod->{metadata}{name});
    $cluster->kubectl('label', @at, 'kecs/service-');
    KecsUp::wait_for('the label', sub {
        return $cluster->get(@at)->{metadata}{labels}{'kecs/service'};
    });
    return pass('a pod from before there were Services gets its label');
}
unlabelled();

$cluster->kubectl('delete', 'service', $svc->{metadata}{name});
my $uid = $svc->{metadata}{uid};
wait_object('a deleted Service comes back', 'service', 'shop',
    sub { $_[0]{metadata}{uid} ne $uid });
$cluster->kubectl('delete', 'pdb', $svc->{metadata}{name});
budget(2, 'so does the budget');
$cluster->kubectl(qw(patch pdb), $svc->{metadata}{name}, '--type=merge', '-p',
    '{"spec":{"minAvailable":0}}');
budget(2, 'an edited budget is put right');
$cluster->kubectl(qw(patch service), $svc->{metadata}{name}, '--type=merge',
    '-p', '{"spec":{"ports":[{"name":"x","port":1}],"type":"NodePort",'
        . '"selector":{"extra":"1"}},"metadata":{"labels":{"mine":"1"}}}');
my $mended = wait_object('an edited Service is put right', 'service', 'shop',
    sub {
        my $s = $_[0]{spec};
        return $s->{type} eq 'ClusterIP' && @{ $s->{ports} } == 2
            && join(' ', sort keys %{ $s->{selector} })
                eq 'kecs/service kecs/store';
    });
is($mended->{metadata}{labels}{mine}, '1', 'a label of others stays');
$cluster->kubectl(qw(patch service), $svc->{metadata}{name}, '--type=merge',
    '-p', '{"spec":{"externalIPs":["10.9.8.7"]}}');
wait_object('what others add to it goes', 'service', 'shop',
    sub { !$_[0]{spec}{externalIPs} });

$k->aws(qw(update-service --cluster demo --service shop --desired-count 4
    --deployment-configuration minimumHealthyPercent=75));
budget(3, 'a new desired count: the budget follows');

wait_object('a service without ports: headless', 'service', 'web',
    sub { $_[0]{spec}{clusterIP} eq 'None' });
$k->aws(qw(update-service --cluster demo --service shop --task-definition
    hello));
wait_object('ports that go: a new, headless Service', 'service', 'shop',
    sub { $_[0]{spec}{clusterIP} eq 'None' });
$k->aws(qw(delete-service --cluster demo --service shop --force));
KecsUp::wait_for('the objects of a deleted service to go', sub {
    return !object('service', 'shop') && !object('pdb', 'shop');
});
pass('a service that is over: both are gone');

# rollouts that fail, and rollouts beside what runs

sub gate {
    return $k->aws(qw(describe-services --cluster demo --services gate))
        ->{services}[0];
}

sub gate_tasks {
    return sort @{ $k->aws(qw(list-tasks --cluster demo
        --service-name gate))->{taskArns} };
}

# Judged by the waiter of the CLI; what became of the newest rollout.
sub settled {
    my ($what) = @_;
    my ($status, $text) = $k->try_aws(qw(wait services-stable
        --cluster demo --services gate));
    is($status, 0, "$what: services-stable") or diag($text,
        JSON::PP->new->pretty->encode(gate()), $k->output);
    my $newest = $k->aws(qw(list-service-deployments --cluster demo
        --service gate))->{serviceDeployments}[0]{serviceDeploymentArn};
    return KecsUp::wait_for("the end of $what", sub {
        my ($d) = @{ $k->aws(qw(describe-service-deployments
            --service-deployment-arns), $newest)->{serviceDeployments} };
        return $d->{status} !~ /^(?:PENDING|.*_PROGRESS)$/ && $d;
    }, 60);
}

$k->aws(qw(create-service --cluster demo --service-name gate
    --task-definition hello --desired-count 2 --deployment-configuration),
    '{"deploymentCircuitBreaker":{"enable":true,"rollback":true}}');
is(settled('a new service')->{status}, 'SUCCESSFUL', 'it is rolled out');
my @first = gate_tasks();
$k->aws(qw(update-service --cluster demo --service gate
    --task-definition nopull));
KecsUp::wait_for('the circuit breaker', sub {
    return grep { $_->{message} =~ /deployment failed: tasks failed/ }
        @{ gate()->{events} };
}, 120);
my $back = settled('an image that is not there');
is($back->{status}, 'ROLLBACK_SUCCESSFUL', 'it was rolled back');
is($back->{deploymentCircuitBreaker}{status}, 'TRIGGERED',
    'by the circuit breaker');
is_deeply([ gate_tasks() ], \@first, 'the tasks of before never stopped');
my @kept = grep { !$_->{metadata}{deletionTimestamp} }
    pods('ecs/service=gate');
is(scalar @kept, 2, 'and no other pod is left');

$k->aws(qw(update-service --cluster demo --service gate
    --task-definition hello --force-new-deployment
    --deployment-configuration),
    '{"strategy":"BLUE_GREEN","bakeTimeInMinutes":3}');
my $most = 0;
KecsUp::wait_for('the bake time', sub {
    my $n = scalar pods('ecs/service=gate');
    $most = $n if $n > $most;
    my ($d) = @{ $k->aws(qw(list-service-deployments --cluster demo
        --service gate))->{serviceDeployments} };
    return $d->{status} eq 'SUCCESSFUL';
}, 120);
my $green = settled('blue/green');
is($green->{lifecycleStage}, 'CLEAN_UP', 'it went through the stages');
is($green->{targetServiceRevision}{requestedProductionTrafficWeight}, 100,
    'green has all traffic');
cmp_ok($most, '>=', 4, 'green stood beside blue');
my %first = map { $_ => 1 } @first;
my @second = gate_tasks();
is(scalar @second, 2, 'two tasks');
is(scalar(grep { $first{$_} } @second), 0, 'of green alone');
$k->aws(qw(delete-service --cluster demo --service gate --force));

# whose traffic it is while it is shifted

sub shifted {
    my ($name) = @_;
    my ($o) = grep { $_->{metadata}{name} eq $name }
        @{ $cluster->get('service', '-l', 'ecs/service=shift')->{items} };
    return $o;
}

# The pods that answer at the cluster address of a Service.
sub answers {
    my ($name) = @_;
    my $o = shifted($name) or return {};
    my ($status, $text) = KecsCluster::run(@{ $cluster->prefix }, 'curl',
        '-sS', '--max-time', '5',
        "http://$o->{spec}{clusterIP}:8080/[1-24]");
    return $status ? {} : { map { $_ => 1 } $text =~ /hello from (\S+)/g };
}

sub wait_answers {
    my ($what, $name, $want) = @_;
    my $got;
    my $ok = eval {
        KecsUp::wait_for($what, sub {
            $got = answers($name);
            return join(' ', sort keys %$got) eq join(' ', sort @$want);
        }, 60);
    };
    return ok($ok, $what) || diag("@$want; got: ", join(' ', keys %$got),
        JSON::PP->new->pretty->encode(shifted($name) || {}), $k->output);
}

sub shifting_tasks {
    return map { pod_of($_) } @{ $k->aws(qw(list-tasks --cluster demo
        --service-name shift))->{taskArns} };
}

sub at_hook {
    my ($stage) = @_;
    return KecsUp::wait_for($stage, sub {
        my ($arn) = map { $_->{serviceDeploymentArn} }
            @{ $k->aws(qw(list-service-deployments --cluster demo
                --service shift))->{serviceDeployments} };
        my ($d) = @{ $k->aws(qw(describe-service-deployments
            --service-deployment-arns), $arn)->{serviceDeployments} };
        my ($hook) = @{ $d->{lifecycleHookDetails} || [] };
        return ($d->{lifecycleStage} || '') eq $stage && $hook
            && [ '--service-deployment-arn', $arn, '--hook-id',
                $hook->{hookId} ];
    }, 90);
}

$k->aws(qw(create-service --cluster demo --service-name shift
    --task-definition shop --desired-count 2));
KecsUp::wait_for('the service to run', sub {
    return $k->aws(qw(describe-services --cluster demo --services shift))
        ->{services}[0]{deployments}[0]{rolloutState} eq 'COMPLETED';
}, 90);
my $main = object('service', 'shift')->{metadata}{name};
my @blue = shifting_tasks();
wait_answers('before: all its pods answer', $main, \@blue);
$k->aws(qw(update-service --cluster demo --service shift
    --force-new-deployment --deployment-configuration),
    JSON::PP->new->encode({ strategy => 'BLUE_GREEN', lifecycleHooks => [
        { targetType => 'PAUSE', lifecycleStages => [qw(POST_SCALE_UP
            POST_TEST_TRAFFIC_SHIFT POST_PRODUCTION_TRAFFIC_SHIFT)] } ] }));
my $hook = at_hook('POST_SCALE_UP');
my %blue = map { $_ => 1 } @blue;
my @green = grep { !$blue{$_} } shifting_tasks();
is(scalar @green, 2, 'green is up');
wait_answers('but only blue answers', $main, \@blue);
ok(!shifted("$main-test"), 'there is no test traffic');

$k->aws('continue-service-deployment', @$hook);
$hook = at_hook('POST_TEST_TRAFFIC_SHIFT');
wait_answers('test traffic: green', "$main-test", \@green);
wait_answers('production traffic: blue', $main, \@blue);
my ($of_blue, $of_green) = map {
    $cluster->get('pod', $_)->{metadata}{labels}{'ecs/deployment'}
} $blue[0], $green[0];
is_deeply(JSON::PP->new->decode(
    shifted($main)->{metadata}{annotations}{'kecs/traffic'}),
    { production => { $of_blue => 100, $of_green => 0 },
      test => { $of_green => 100 } }, 'the annotation tells the shares');

kill 'KILL', child(qr/kecs-reconciler/);
$k->aws('continue-service-deployment', @$hook);
$hook = at_hook('POST_PRODUCTION_TRAFFIC_SHIFT');
wait_answers('it is shifted: green alone answers', $main, \@green);
is(scalar(grep { $blue{$_} } shifting_tasks()), 2, 'blue is still there');
$k->aws('continue-service-deployment', @$hook);
KecsUp::wait_for('the end of the rollout', sub {
    my $o = shifted($main);
    return !shifted("$main-test")
        && !exists $o->{metadata}{annotations}{'kecs/traffic'}
        && !exists $o->{spec}{selector}{'ecs/deployment'};
}, 60);
pass('afterwards all is as before, and the Service for test traffic is gone');
wait_answers('green serves', $main, \@green);
$k->aws(qw(delete-service --cluster demo --service shift --force));
KecsUp::wait_for('it to be gone', sub { !shifted($main) });

sub roll {
    my ($what, $meanwhile) = @_;
    my $id = $k->aws(qw(update-service --cluster demo --service web
        --force-new-deployment))->{service}{deployments}[0]{id};
    KecsUp::wait_for('a new task', sub {
        my ($d) = grep { $_->{id} eq $id } @{ service($k)->{deployments} };
        return $d->{runningCount} + $d->{pendingCount} > 0;
    });
    $meanwhile->();
    my $s = wait_stable($k);
    my @p = grep { !$_->{metadata}{deletionTimestamp} }
        pods('ecs/service=web');
    is(scalar @p, 3, "$what in mid-rollout: three pods in the end");
    my @arns = @{ $k->aws(qw(list-tasks --cluster demo --service-name web))
        ->{taskArns} };
    is_deeply([ sort map { pod_of($_) } @arns ],
        [ sort map { $_->{metadata}{name} } @p ],
        "$what in mid-rollout: tasks and pods agree");
    return;
}

sub child {
    my ($name) = @_;
    for my $pid ($k->pids) {
        open my $f, '<', "/proc/$pid/cmdline" or next;
        local $/;
        my $line = <$f> || '';
        return $pid if $line =~ $name;
    }
    die "no child $name";
}

roll('the reconciler killed', sub { kill 'KILL', child(qr/kecs-reconciler/) });
roll('nginx reloaded', sub { ok($k->reload, 'a reload: new workers serve') });
roll('nginx killed', sub {
    my $pid = child(qr/nginx: master/);
    kill 'KILL', grep { $_ != $k->{pid} } $pid;
    KecsUp::wait_for('the API to answer again', sub {
        return !($k->try_aws('list-clusters'))[0];
    });
});
roll('everything killed', sub {
    $k->kill_all;
    my $from = time;
    $k->start;
    KecsUp::wait_for('the runtime to be ready', sub {
        my $is = $k->said;
        return ($is->{time} // 0) > $from * 1000 + 1000 && $is->{ready};
    });
    cmp_ok(time - $from, '<', 15, 'a lease of the dead is not waited for');
});
SKIP: {
    skip 'the cluster is not ours', 2 unless $cluster->own;
    roll('the API server killed', sub {
        $cluster->verb('kill-apiserver');
        $cluster->verb('start-apiserver');
    });
}

# two stores on one cluster

my $other = store()->start;
$other->aws(qw(create-cluster --cluster-name demo));
definition($other, 'hello', 'kecs.test/hello:1');
my ($foreign) = run_task($other, qw(--task-definition hello));
wait_status($other, 'RUNNING', $foreign);
$other->aws(qw(create-service --cluster demo --service-name web
    --task-definition hello --desired-count 0));
KecsUp::wait_for('the Services of both stores', sub {
    return @{ $cluster->get('service', '-l', 'ecs/service=web')->{items} }
        == 2 && @{ $cluster->get('pdb', '-l', 'ecs/service=web')->{items} }
        == 2;
});
pass('two stores, each with a service of the same name');
$k->aws(qw(update-service --cluster demo --service web --desired-count 0));
wait_stable($k);
is($cluster->get('pod', pod_of($foreign))->{status}{phase}, 'Running',
    'another store on the cluster: its pods are not touched');

# an old backup restored under running pods

my $file = "$k->{temp}/old.backup";
my ($status, $text) = $k->kecs('backup', $file);
is($status, 0, 'backup') or diag($text);
my ($young) = run_task($k, qw(--task-definition hello));
wait_status($k, 'RUNNING', $young);
$k->stop;
($status, $text) = $k->kecs('restore', $file, '--replace');
is($status, 0, 'restore') or diag($text);
$k->start;
KecsUp::wait_for('the pod to be adopted or reported', sub {
    my @t = @{ $k->aws(qw(list-tasks --cluster demo))->{taskArns} };
    return grep { $_ eq $young } @t;
});
my ($adopted) = describe($k, $young);
is($adopted->{lastStatus}, 'RUNNING', 'the younger task is adopted');
is($cluster->get('pod', pod_of($young))->{status}{phase}, 'Running',
    'and its pod was not stopped');

# down removes what is ours and nothing else

$k->stop;
($status, $text) = $k->kecs('down', '--runtime', 'kubernetes', @at);
is($status, 0, 'kecs down') or diag($text);
my @left = pods();
is_deeply([ map { $_->{metadata}{name} } @left ], [ pod_of($foreign) ],
    'only the pod of the other store is left');

my @objects = map { @{ $cluster->get($_, '-l', 'kecs/store')->{items} } }
    qw(service pdb);
is(scalar @objects, 2, 'and its Service and budget');
is_deeply([ map { $_->{metadata}{labels}{'kecs/store'} } @objects ],
    [ ($left[0]{metadata}{labels}{'kecs/store'}) x 2 ], 'of that store');

$k->final_checks;
$other->stop;
($status, $text) = $other->kecs('release', '--runtime', 'kubernetes', @at);
is($status, 0, 'kecs release') or diag($text);
is(scalar @{ $cluster->get('pdb', '-l', 'kecs/store')->{items} }, 0,
    'released: no budget holds pods any more');
is(scalar @{ $cluster->get('service', '-l', 'kecs/store')->{items} }, 1,
    'and the Service is left');
$other->kecs('down', '--runtime', 'kubernetes', @at);
is(scalar pods(), 0, 'nothing is left');
is(scalar @{ $cluster->get('service', '-l', 'kecs/store')->{items} }, 0,
    'no Service');
is(scalar @{ $cluster->get('leases', '-l', 'kecs/store')->{items} }, 0,
    'nor any lease');

done_testing();
