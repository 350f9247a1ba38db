#!/usr/bin/perl

# Clusters as a client sees them, what all answers have in common, accounts
# and regions, and that every operation of the model is known.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use Test::More;

api_start();

my $INCONSISTENT = 'Arguments on this idempotent request are inconsistent'
                   . ' with arguments used in previous request(s).';
my $NOT_ASSOCIATED = 'The specified capacity provider strategy cannot contain'
    . ' a capacity provider that is not associated with the cluster.'
    . ' Associate the capacity provider with the cluster and try again.';


golden('clusters');


# Arguments of CreateCluster.

my $out = ok_api('CreateCluster', {});
is($out->{cluster}{clusterName}, 'default', 'no name: default');
$out = ok_api('CreateCluster', { clusterName => '' });
is($out->{cluster}{clusterName}, 'default', 'an empty name: default');
is($out->{clusterCount}, 2, 'which is the same one');

$out = ok_api('CreateCluster', { clusterName => 'A_z-9',
    settings => [{ name => 'containerInsights', value => 'enhanced' }],
    configuration => { executeCommandConfiguration => {
        kmsKeyId => 'key', logging => 'OVERRIDE',
        logConfiguration => { cloudWatchLogGroupName => '/g' } } },
    serviceConnectDefaults => { namespace => 'inner' } });
my $full = $out->{cluster};
is_deeply($full->{settings},
          [{ name => 'containerInsights', value => 'enhanced' }],
          'enhanced container insights');
is($full->{configuration}{executeCommandConfiguration}{logConfiguration}
   {cloudWatchLogGroupName}, '/g', 'configuration');
is_deeply($full->{serviceConnectDefaults}, { namespace => 'inner' },
          'namespace');
is_deeply($full->{tags}, [], 'no tags: an empty list');

$out = ok_api('DescribeClusters', { clusters => ['A_z-9'] });
ok(!exists $out->{clusters}[0]{configuration},
   'configuration only when included');
$out = ok_api('DescribeClusters', { clusters => ['A_z-9'],
                                    include => ['CONFIGURATIONS'] });
is_deeply($out->{clusters}[0]{configuration}, $full->{configuration},
          'CONFIGURATIONS');
is_deeply($out->{clusters}[0]{settings}, [], 'and not the settings');

refused('CreateCluster', $$_[0], 'InvalidParameterException', $$_[1]) for
    [{ clusterName => 'A_z-9', settings =>
       [{ name => 'containerInsights', value => 'enabled' }] },
     $INCONSISTENT],
    [{ clusterName => 'a b' }, 'Cluster name contains invalid characters.'],
    [{ clusterName => 'a.b' }, 'Cluster name contains invalid characters.'],
    [{ clusterName => 'x' x 256 },
     'Cluster name contains invalid characters.'],
    [{ settings => [{ name => 'x', value => 'enabled' }] },
     "Invalid setting 'name'"],
    [{ settings => [{ name => 'containerInsights', value => 'bad' }] },
     "Invalid setting 'value'"],
    [{ settings => [{ name => 'containerInsights' }] },
     "Invalid setting 'value'"],
    [{ tags => [{ key => 'k' }] }, 'Tag value can not be null.'],
    [{ tags => [{ key => 'aws:k', value => '' }] },
     'aws: prefixed tag key names are not allowed for external use.'],
    [{ tags => [map { +{ key => 'k', value => $_ } } 'a', 'b'] },
     'Duplicate tag keys are not allowed.'],
    [{ tags => [map { +{ key => "k$_", value => '' } } 1 .. 51] },
     qr/'tags' failed to satisfy constraint: .*less than or equal to 50/],
    [{ tags => [{ key => 'x' x 129, value => '' }] },
     qr/'tags.1.member.key' failed to satisfy constraint/],
    [{ tags => [{ key => 'k', value => 'x' x 257 }] },
     qr/'tags.1.member.value' failed to satisfy constraint/],
    [{ capacityProviders => ['mine'] }, qr/capacity provider mine was not/],
    [{ defaultCapacityProviderStrategy =>
       [{ capacityProvider => 'FARGATE' }] }, $NOT_ASSOCIATED],
    [{ configuration => { executeCommandConfiguration =>
       { logging => 'x' } } },
     'logging should be one of [NONE,DEFAULT,OVERRIDE]'],
    [{ configuration => { executeCommandConfiguration =>
       { logging => 'OVERRIDE' } } },
     'logConfiguration is required when logging is OVERRIDE.'];

is(ok_api('CreateCluster', { clusterName => 'x' x 255 })->{cluster}{status},
   'ACTIVE', 'a name of 255');
ok_api('DeleteCluster', { cluster => 'x' x 255 });


# How a cluster may be named.

my $arn = account_arn('cluster/default');

for my $name (undef, '', 'default', $arn) {
    my $in = defined $name ? { cluster => $name } : {};
    my $what = defined $name ? "cluster '$name'" : 'no cluster';

    is_deeply(ok_api('ListServices', $in), { serviceArns => [] },
              "$what: ListServices");
    is_deeply(ok_api('ListTasks', $in), { taskArns => [] },
              "$what: ListTasks");
}

for my $in ({}, { clusters => [] }, { clusters => ['default'] },
            { clusters => [$arn] }, { clusters => ['default', $arn, ''] })
{
    $out = ok_api('DescribeClusters', $in);
    is_deeply([ map { $_->{clusterArn} } @{ $out->{clusters} } ], [$arn],
              'DescribeClusters of the default cluster');
}

for my $op (qw(DescribeClusters DeleteCluster ListTasks ListServices)) {
    my $in = sub { $op eq 'DescribeClusters' ? { clusters => [$_[0]] }
                                             : { cluster => $_[0] } };

    refused($op, $in->($$_[0]), 'InvalidParameterException', $$_[1]) for
        [account_arn('cluster/default', account => '111122223333'),
         'AccountIDs mismatch'],
        [account_arn('cluster/default', region => 'eu-west-1'),
         'Regions mismatch'],
        ['a/b', 'Invalid identifier: Unexpected number of separators'],
        [account_arn('cluster/a/b'),
         'Invalid identifier: Unexpected number of separators'],
        [account_arn('service/default'),
         'Invalid identifier: Unexpected resource type'],
        [account_arn('cluster'),
         'Invalid identifier: Unexpected resource type'],
        ['arn:aws:ecs', 'Invalid identifier: The ARN is malformed'],
        ['a b', 'Invalid identifier: The cluster name is invalid'];
}

refused('DeleteCluster', {}, 'ClientException', 'Cluster can not be blank.');
refused('DescribeClusters', { clusters => [map { "c$_" } 1 .. 101] },
        'InvalidParameterException', 'Clusters can have at most 100 items.');
$out = ok_api('DescribeClusters', { clusters => [map { "c$_" } 1 .. 100] });
is(scalar @{ $out->{failures} }, 100, '100 clusters at once');


# Accounts and regions have nothing in common.

my %east = (key => '111122223333', region => 'us-east-1');
my %west = (key => '111122223333', region => 'eu-west-1');
my %china = (key => '444455556666', region => 'cn-north-1');

$out = ok_api('CreateCluster', { clusterName => 'mine' }, %east);
is($out->{cluster}{clusterArn},
   'arn:aws:ecs:us-east-1:111122223333:cluster/mine', 'account of the key');
is($out->{clusterCount}, 1, 'it is the first one there');
$out = ok_api('CreateCluster', { clusterName => 'mine', tags =>
                                 [{ key => 'a', value => 'west' }] }, %west);
is($out->{clusterCount}, 1, 'the same name in another region');
$out = ok_api('CreateCluster', { clusterName => 'mine' }, %china);
is($out->{cluster}{clusterArn},
   'arn:aws-cn:ecs:cn-north-1:444455556666:cluster/mine', 'its partition');

for my $who ([{ %east }, 'arn:aws:ecs:us-east-1:111122223333:cluster/mine'],
             [{ %west }, 'arn:aws:ecs:eu-west-1:111122223333:cluster/mine'],
             [{ %china },
              'arn:aws-cn:ecs:cn-north-1:444455556666:cluster/mine'])
{
    is_deeply(ok_api('ListClusters', {}, %{ $who->[0] }),
              { clusterArns => [$who->[1]] }, "only $who->[1]");
}

ok_api('DeleteCluster', { cluster => 'mine' }, %west);
$out = ok_api('DescribeClusters', { clusters => ['mine'] }, %east);
is($out->{clusters}[0]{status}, 'ACTIVE', 'deleted only where it was said');
refused('DeleteCluster',
        { cluster => 'arn:aws:ecs:us-east-1:111122223333:cluster/mine' },
        'InvalidParameterException', 'AccountIDs mismatch');
refused('DeleteCluster',
        { cluster => 'arn:aws:ecs:us-east-1:111122223333:cluster/mine' },
        'InvalidParameterException', 'Regions mismatch', %west);
is_deeply(ok_api('DescribeClusters', { clusters => ['mine'] },
                 key => '111122223333', region => 'ap-south-1'),
          { clusters => [], failures => [{ reason => 'MISSING', arn =>
            'arn:aws:ecs:ap-south-1:111122223333:cluster/mine' }] },
          'nothing in a region where nothing was ever written');
is(ok_api('ListClusters', {}, key => 'AKIAEXAMPLE')->{clusterArns}[0],
   account_arn('cluster/A_z-9'), 'a key that is no account: the default one');


# Counters, statistics, and what keeps a cluster from being deleted.

reconcile();
ok_api('CreateCluster', { clusterName => 'busy' });
ok_api('RegisterTaskDefinition', { family => 'ec2', containerDefinitions =>
    [{ name => 'c', image => 'i', memory => 16 }] });
ok_api('RegisterTaskDefinition', { family => 'fargate', cpu => '256',
    memory => '512', networkMode => 'awsvpc',
    requiresCompatibilities => ['FARGATE'],
    containerDefinitions => [{ name => 'c', image => 'i' }] });
my %net = (networkConfiguration => { awsvpcConfiguration =>
                                     { subnets => ['subnet-1'] } });

ok_api('RunTask', { cluster => 'busy', taskDefinition => 'ec2', count => 2 });
ok_api('RunTask', { cluster => 'busy', taskDefinition => 'fargate', %net,
                    launchType => 'FARGATE' });
ok_api('CreateService', { cluster => 'busy', serviceName => 'e',
                          taskDefinition => 'ec2', desiredCount => 0 });
ok_api('CreateService', { cluster => 'busy', serviceName => 'f', %net,
                          taskDefinition => 'fargate', desiredCount => 1,
                          launchType => 'FARGATE' });

sub statistics {
    my ($cluster) = @_;

    return { map { ($_->{name} => $_->{value}) }
             grep { $_->{value} ne '0' } @{ $cluster->{statistics} } };
}

my $in = { clusters => ['busy'], include => ['STATISTICS'] };
$out = wait_api('DescribeClusters', $in, 'all run',
                sub { $_[0]{clusters}[0]{runningTasksCount} == 4 });
my $busy = $out->{clusters}[0];
is($busy->{pendingTasksCount}, 0, 'none is pending');
is($busy->{activeServicesCount}, 2, 'two services');
is_deeply(statistics($busy), { runningEC2TasksCount => '2',
    runningFargateTasksCount => '2', activeEC2ServiceCount => '1',
    activeFargateServiceCount => '1' }, 'by launch type');

refused('DeleteCluster', { cluster => 'busy' },
        'ClusterContainsServicesException',
        'The Cluster cannot be deleted while Services are active.');
ok_api('DeleteService', { cluster => 'busy', service => 'e' });
ok_api('DeleteService', { cluster => 'busy', service => 'f', force => \1 });
refused('DeleteCluster', { cluster => 'busy' },
        'ClusterContainsTasksException',
        'The Cluster cannot be deleted while Tasks are active.');
wait_api('DescribeClusters', $in, 'the services are gone',
         sub { $_[0]{clusters}[0]{runningTasksCount} == 3 });

$out = ok_api('ListTasks', { cluster => 'busy' });
ok_api('StopTask', { cluster => 'busy', task => $_ })
    for @{ $out->{taskArns} };
wait_api('DescribeClusters', $in, 'no task is left',
         sub { $_[0]{clusters}[0]{runningTasksCount} == 0 });
ok($t->wait_for(sub { ($t->api('DeleteCluster', { cluster => 'busy' }))[0]
                      == 200 }), 'then it is deleted');
refused($$_[0], { cluster => 'busy', %{ $$_[1] } },
        'ClusterNotFoundException', 'Cluster not found.') for
    ['RunTask', { taskDefinition => 'ec2' }],
    ['StopTask', { task => '0' x 32 }], ['ListTasks', {}],
    ['DescribeTasks', { tasks => ['0' x 32] }], ['ListServices', {}],
    ['DescribeServices', { services => ['e'] }],
    ['CreateService', { serviceName => 'x', taskDefinition => 'ec2',
                        desiredCount => 0 }],
    ['UpdateService', { service => 'e' }],
    ['DeleteService', { service => 'e' }];
refused('TagResource', { resourceArn => account_arn('cluster/busy'),
                         tags => [{ key => 'a', value => 'b' }] },
        'InvalidParameterException', 'The specified cluster is inactive.'
        . ' Specify an active cluster and try again.');


# Every operation of the model is known: with nothing given each answers in
# its own words.

open my $gen, '<', "$Kecs::ROOT/src/ecs/shapes.gen.c"
    or die "shapes.gen.c: $!\n";
my ($ops) = join('', <$gen>) =~ /kecs_ecs_model_ops\[\w+\] = \{(.*?)^\};/ms;
my @ops = ($ops // '') =~ /\{ "(\w+)"/g;

is(@ops, 88, 'the operations of the model');

for my $op (@ops) {
    my ($status, $json) = $t->api($op, {});
    my $type = ref $json eq 'HASH' ? $json->{__type} // '' : 'no JSON';
    ok(($status == 200 && $type eq '')
       || ($status == 400 && $type =~ /^\w+Exception$/
           && $type !~ /^(UnknownOperation|UnsupportedFeature)/),
       "$op is known") or diag("$status $type");
}

refused($_, {}, 'UnknownOperationException', qr/./)
    for qw(FooBar listclusters ListClusters2 DescribeCluster);

$t->done;
