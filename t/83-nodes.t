#!/usr/bin/perl
# Nodes of a real cluster as container instances: tasks on two of them, what
# they have, members by label, draining, a node that is away.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use KecsCluster;
use KecsTasks;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours is not changed'
    if !$cluster->own;

my $t = KecsTasks->new($cluster, sets => [ 'instance-idle=5s' ]);
my $k = $t->k;

sub instances {
    my ($of) = @_;
    return sort @{ $k->aws('list-container-instances', '--cluster',
        $of // 'demo')->{containerInstanceArns} };
}

sub describe {
    my ($arn, $of) = @_;
    return $k->aws('describe-container-instances', '--cluster',
        $of // 'demo', '--container-instances', $arn)
        ->{containerInstances}[0];
}

sub amount {
    my ($instance, $list, $name) = @_;
    my ($r) = grep { $_->{name} eq $name } @{ $instance->{$list} };
    return $r->{integerValue};
}

sub attribute {
    my ($instance, $name) = @_;
    my ($r) = grep { $_->{name} eq $name } @{ $instance->{attributes} };
    return $r->{value};
}

sub node_of { return $t->pod($_[0])->{spec}{nodeName} }

$t->definition('sleep', [ { cpu => 128,
    entryPoint => [ 'sh', '-c' ], command => [ 'exec sleep 3600' ] } ]);

is_deeply([ instances() ], [], 'a new cluster has no instances');

# Two tasks apart

my $ran;
KecsUp::wait_for('the nodes to be known', sub {
    $ran = $k->aws(qw(run-task --cluster demo --task-definition sleep
        --count 2 --placement-constraints type=distinctInstance));
    return 1 if $ran->{tasks}[0]{containerInstanceArn};
    $t->stop($_->{taskArn}) for @{ $ran->{tasks} };
    return;
}, 60);
is_deeply($ran->{failures}, [], 'two tasks are placed');
my @arns = map { $_->{taskArn} } @{ $ran->{tasks} };
my %on;

for my $arn (@arns) {
    my $task = $t->wait_status('RUNNING', $arn);
    my $node = node_of($arn);
    my $instance = describe($task->{containerInstanceArn});
    $on{$node} = $task->{containerInstanceArn};
    my $seen = $cluster->get('node', $node);
    is($task->{availabilityZone},
        $seen->{metadata}{labels}{'topology.kubernetes.io/zone'},
        "$node: zone of the task");
    is(attribute($instance, 'ecs.availability-zone'),
        $task->{availabilityZone}, 'and of the instance');
    ok($instance->{agentConnected}, 'connected');
    is($instance->{runningTasksCount}, 1, 'running tasks');
    my ($mem) = $seen->{status}{allocatable}{memory} =~ /^(\d+)Ki$/;
    is(amount($instance, 'registeredResources', 'MEMORY'),
        int($mem / 1024), 'memory of the node');
    is(amount($instance, 'remainingResources', 'MEMORY'),
        int($mem / 1024) - 64, 'memory that remains');
    is(amount($instance, 'registeredResources', 'CPU')
        - amount($instance, 'remainingResources', 'CPU'), 128,
        'CPU that is taken');
    like("v$instance->{versionInfo}{agentVersion}",
        qr/^\Q$seen->{status}{nodeInfo}{kubeletVersion}\E$/, 'kubelet');
}

is_deeply([ sort keys %on ], [ qw(node-1 node-2) ], 'one on each node');
is_deeply([ instances() ], [ sort values %on ], 'both are listed');

my $more = $k->aws(qw(run-task --cluster demo --task-definition sleep
    --placement-constraints), 'type=memberOf,expression=attribute:'
    . 'ecs.availability-zone == us-east-1b')->{tasks}[0]{taskArn};
$t->wait_status('RUNNING', $more);
is(node_of($more), 'node-2', 'memberOf a zone');

my $started = $k->aws(qw(start-task --cluster demo --task-definition sleep
    --container-instances), $on{'node-1'})->{tasks}[0]{taskArn};
$t->wait_status('RUNNING', $started);
is(node_of($started), 'node-1', 'StartTask');

# What else is on a node is subtracted: pods of others, our own that the
# scheduler of Kubernetes has placed.

my $free = amount(describe($on{'node-1'}), 'remainingResources', 'CPU');

sub remains {
    my ($what, $units) = @_;
    my $left;
    return ok(eval { KecsUp::wait_for($what, sub {
        $left = amount(describe($on{'node-1'}), 'remainingResources', 'CPU');
        return $left == $free - $units }) }, $what)
        || diag("$left of $free, want $units less");
}

sub foreign {
    my ($name, $cpu) = @_;
    my $file = "$cluster->{temp}/$name.json";
    open my $f, '>', $file or die "$file: $!";
    print $f JSON::PP->new->encode({ apiVersion => 'v1', kind => 'Pod',
        metadata => { name => $name }, spec => { nodeName => 'node-1',
            terminationGracePeriodSeconds => 0, restartPolicy => 'Never',
            containers => [ { name => 'c', image => 'kecs.test/busybox:1',
                command => [ 'sleep', '3600' ],
                resources => { requests => { cpu => $cpu } } } ] } });
    close $f or die "$file: $!";
    my ($status, $text) = $cluster->kubectl(qw(-n default apply -f), $file);
    die $text if $status;
    return;
}

foreign('theirs', '250m');
remains('a pod of somebody else takes of its node', 256);
$cluster->kubectl(qw(-n default delete pod theirs --wait=false));
remains('and gives it back', 0);

$cluster->kubectl('cordon', 'node-2');
$k->aws(qw(register-task-definition --family far --network-mode awsvpc
    --requires-compatibilities FARGATE --cpu 256 --memory 512
    --container-definitions), JSON::PP->new->encode([ { name => 'app',
    image => 'kecs.test/busybox:1', command => [ 'sleep', '3600' ] } ]));
my $far = $t->run('far', '--launch-type', 'FARGATE',
    '--network-configuration', 'awsvpcConfiguration={subnets=[subnet-1]}');
$t->wait_status('RUNNING', $far);
is(node_of($far), 'node-1', 'a task of FARGATE is on the node');
remains('and takes of it', 256);
$t->stop($far);
remains('until it has stopped', 0);
$cluster->kubectl('uncordon', 'node-2');
KecsUp::wait_for('the instance to be back', sub {
    describe($on{'node-2'})->{status} eq 'ACTIVE' });

# Without the right nothing is known of others; doctor says so.

sub doctor {
    my ($status, $text) = $k->kecs('doctor', '--runtime', 'kubernetes',
        '--kubeconfig', $cluster->{kubeconfig}, '--namespace',
        $cluster->{namespace});
    return $text;
}

unlike(doctor(), qr/missing/, 'doctor: all rights are there');
foreign('theirs', '250m');
remains('somebody is there again', 256);
$cluster->kubectl(qw(delete clusterrolebinding kecs-test-pods));
like(doctor(), qr/^warn +rights +to pods of the cluster: missing list watch$/m,
    'doctor: the right to all pods is missing');
$k->stop;
$k->start;
remains('without it only ours count', 0);

# Losing the right to look at nodes ends no instance

$cluster->kubectl(qw(delete clusterrolebinding kecs-test));
my $said = doctor();
like($said, qr/^warn +rights +to nodes of the cluster: missing get list watch$/m,
    'doctor: the right to nodes is missing');
like($said, qr/-> kubectl apply .*rbac.yaml: without them there are no contain/,
    'and what to do');
$k->stop;
$k->start;
ok(KecsUp::wait_for('the log to say so', sub {
    $k->output =~ /no right to list nodes/ }), 'the right is lost');
is_deeply([ instances() ], [ sort values %on ], 'the instances stay');
ok(describe($on{'node-1'})->{agentConnected}, 'connected');
$cluster->kubectl(qw(create clusterrolebinding kecs-test
    --clusterrole=kecs-nodes --user=kecs));
$cluster->kubectl(qw(create clusterrolebinding kecs-test-pods
    --clusterrole=kecs-all-pods --user=kecs));
remains('with the rights all count', 256);
$cluster->kubectl(qw(-n default delete pod theirs --wait=false));
remains('and go', 0);

# GPUs, as Kubernetes documents how to advertise extended resources

sub gpus {
    my ($list) = @_;
    my ($r) = grep { $_->{name} eq 'GPU' }
        @{ describe($on{'node-1'})->{$list} };
    return join ' ', @{ $r->{stringSetValue} // [] };
}

$cluster->kubectl(qw(patch node node-1 --subresource=status --type=json -p),
    '[{"op":"add","path":"/status/capacity/nvidia.com~1gpu","value":"2"}]');
ok(KecsUp::wait_for('the GPUs', sub { gpus('registeredResources') eq '0 1' }),
    'the GPUs of a node are registered');
my %gpu = (cpu => 16, entryPoint => [ 'sh', '-c' ],
    command => [ 'exec sleep 3600' ],
    resourceRequirements => [ { type => 'GPU', value => '1' } ]);
$t->definition('gpu', [ \%gpu ]);
$ran = $k->aws(qw(run-task --cluster demo --task-definition gpu --count 3));
is(scalar @{ $ran->{tasks} }, 2, 'two tasks have one');
is_deeply([ sort map { $_->{reason} } @{ $ran->{failures} } ],
    [ ('RESOURCE:GPU') x 2 ], 'none is left on any instance');
is_deeply([ map { @{ $_->{containers}[0]{gpuIds} } } @{ $ran->{tasks} } ],
    [ 0, 1 ], 'the containers say which');
is(gpus('remainingResources'), '', 'none remains');

for my $task (@{ $ran->{tasks} }) {
    $t->wait_status('RUNNING', $task->{taskArn});
    is($t->pod($task->{taskArn})->{spec}{containers}[0]{resources}{limits}
        {'nvidia.com/gpu'}, '1', 'the pod has one');
    $t->stop($task->{taskArn});
}

ok(KecsUp::wait_for('the GPUs to be free', sub {
    gpus('remainingResources') eq '0 1' }), 'they are free again');

# Draining moves the tasks of a service

$k->aws(qw(create-service --cluster demo --service-name web
    --task-definition sleep --desired-count 2));
my $service = sub {
    return $k->aws(qw(describe-services --cluster demo --services web))
        ->{services}[0];
};
my $there = sub {
    return @{ $k->aws(qw(list-tasks --cluster demo --service-name web
        --container-instance), $on{ $_[0] })->{taskArns} };
};
ok(KecsUp::wait_for('the service', sub {
    $service->()->{runningCount} == 2 && $there->('node-1') == 1
        && $there->('node-2') == 1 }, 90), 'a service runs on both nodes');
$k->aws(qw(update-container-instances-state --cluster demo --status DRAINING
    --container-instances), $on{'node-2'});
ok(KecsUp::wait_for('the service to move', sub {
    $service->()->{runningCount} == 2 && $there->('node-1') == 2
        && $there->('node-2') == 0 }, 120),
    'the tasks of a service leave a DRAINING instance');
is($t->task($more)->{lastStatus}, 'RUNNING', 'a task of no service stays');
ok(!$cluster->get('node', 'node-2')->{spec}{unschedulable},
    'the node itself is not cordoned');
$k->aws(qw(update-container-instances-state --cluster demo --status ACTIVE
    --container-instances), $on{'node-2'});

# Zones are rebalanced: EC2 by container instances, FARGATE by nodes

ok(KecsUp::wait_for('the zones to be balanced', sub {
    $service->()->{runningCount} == 2 && $there->('node-1') == 1
        && $there->('node-2') == 1 }, 120),
    'the tasks of a service are balanced when a zone is back');
like(join("\n", map { $_->{message} } @{ $service->()->{events} }),
    qr/has started 1 tasks in us-east-1b to AZ Rebalance: \(task /,
    'which is told');
$k->aws(qw(delete-service --cluster demo --service web --force));

$t->definition('far', [ { entryPoint => [ 'sh', '-c' ],
    command => [ 'exec sleep 3600' ] } ], '--requires-compatibilities',
    'FARGATE', '--network-mode', 'awsvpc', '--cpu', '256', '--memory', '512');
$cluster->kubectl('cordon', 'node-2');
$k->aws(qw(create-service --cluster demo --service-name far
    --task-definition far --desired-count 2 --launch-type FARGATE
    --network-configuration awsvpcConfiguration={subnets=[subnet-1]}));
my $zones_of_far = sub {
    my @tasks = @{ $k->aws(qw(list-tasks --cluster demo --service-name
        far))->{taskArns} } or return '';
    return join(' ', sort map { $_->{availabilityZone} // '' }
        grep { $_->{lastStatus} eq 'RUNNING' }
        @{ $k->aws(qw(describe-tasks --cluster demo --tasks), @tasks)
            ->{tasks} });
};
ok(KecsUp::wait_for('FARGATE in one zone', sub {
    $zones_of_far->() eq 'us-east-1a us-east-1a' }, 90),
    'FARGATE beside a cordoned node');
$cluster->kubectl('uncordon', 'node-2');
ok(KecsUp::wait_for('FARGATE to be balanced', sub {
    $zones_of_far->() eq 'us-east-1a us-east-1b' }, 180),
    'is balanced when the node is back');
$k->aws(qw(delete-service --cluster demo --service far --force));

# A cordon drains, in all clusters

$cluster->kubectl('cordon', 'node-2');
ok(KecsUp::wait_for('the instance to drain', sub {
    describe($on{'node-2'})->{status} eq 'DRAINING' }, 30),
    'a cordoned node is DRAINING');
$cluster->kubectl('uncordon', 'node-2');
ok(KecsUp::wait_for('the instance to be back', sub {
    describe($on{'node-2'})->{status} eq 'ACTIVE' }, 30),
    'and ACTIVE again');

# Idle nodes leave, members stay

$cluster->kubectl(qw(label node node-1 kecs/cluster=demo));
$t->stop($_) for @arns, $more, $started;
ok(KecsUp::wait_for('one to leave', sub {
    join(' ', instances()) eq $on{'node-1'} }, 60),
    'an idle node leaves, a member stays');
$k->aws(qw(create-cluster --cluster-name other));
$ran = $k->aws(qw(run-task --cluster other --task-definition sleep
    --count 2));
is_deeply([ instances('other') ],
    [ $ran->{tasks}[0]{containerInstanceArn} ],
    'a member of one cluster takes no tasks of others');
$k->aws(qw(stop-task --cluster other --task), $_->{taskArn})
    for @{ $ran->{tasks} };

# A node that is kept for a capacity provider

$k->aws(qw(create-capacity-provider --name pool --auto-scaling-group-provider),
    'autoScalingGroupArn=arn:aws:autoscaling:us-east-1:000000000000:'
    . 'autoScalingGroup:1:autoScalingGroupName/pool');
$k->aws(qw(create-cluster --cluster-name pools --capacity-providers pool));
$cluster->kubectl(qw(label node node-2 kecs/capacity-provider=pool));
$cluster->kubectl(qw(taint node node-2
    kecs/capacity-provider=pool:NoSchedule));
my ($pooled, $pool);
ok(KecsUp::wait_for('the pool to be known', sub {
    $pooled = $k->aws(qw(run-task --cluster pools --task-definition sleep
        --capacity-provider-strategy capacityProvider=pool))->{tasks}[0];
    ($pool) = map { describe($_, 'pools') } instances('pools');
    return 1 if $pool->{capacityProviderName};
    $k->aws(qw(stop-task --cluster pools --task), $pooled->{taskArn});
    return;
}, 60), 'an instance of the provider');
is($pooled->{containerInstanceArn}, $pool->{containerInstanceArn},
    'takes a task of it');
ok(KecsUp::wait_for('it to run', sub {
    $k->aws(qw(describe-tasks --cluster pools --tasks), $pooled->{taskArn})
        ->{tasks}[0]{lastStatus} eq 'RUNNING' }, 60),
    'which runs there in spite of the taint');
is(node_of($pooled->{taskArn}), 'node-2', 'on its node');
my ($failed, $none) = $k->try_aws(qw(run-task --cluster pools
    --task-definition sleep));
ok($failed, 'a task without a provider');
like($none, qr/No Container Instances were found/,
    'finds no instance there');
$k->aws(qw(stop-task --cluster pools --task), $pooled->{taskArn});
$cluster->kubectl(qw(taint node node-2 kecs/capacity-provider-));
$cluster->kubectl(qw(label node node-2 kecs/capacity-provider-));

# A node that is away

my $on_one = $t->run('sleep', '--placement-constraints',
    'type=memberOf,expression=attribute:ecs.availability-zone =='
    . ' us-east-1a');
$t->wait_status('RUNNING', $on_one);
ok($cluster->verb('stop-node', 1), 'node-1 is stopped');
ok(KecsUp::wait_for('the agent to be away', sub {
    !describe($on{'node-1'})->{agentConnected} }, 90),
    'its agent is not connected');
my $away = $k->aws(qw(start-task --cluster demo --task-definition sleep
    --container-instances), $on{'node-1'});
is($away->{failures}[0]{reason}, 'AGENT', 'it takes no tasks');
ok($cluster->verb('start-node', 1), 'it is started');
ok(KecsUp::wait_for('the agent to be back', sub {
    describe($on{'node-1'})->{agentConnected} }, 90), 'it is back');
$t->stop($on_one);

# The cluster can go

ok(KecsUp::wait_for('the other cluster to be empty', sub {
    !@{ $k->aws(qw(list-tasks --cluster other))->{taskArns} } }, 60),
    'no tasks are left');
is($k->aws(qw(delete-cluster --cluster demo))->{cluster}{status},
    'INACTIVE', 'a member does not hold its cluster');

$k->stop;
done_testing();
