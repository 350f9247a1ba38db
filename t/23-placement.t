#!/usr/bin/perl

# Tasks of services on the container instances of their cluster: spread,
# told when there is no place, placed once there is; a reload in the middle.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use Test::More;

api_start(reconciler => [@KecsApi::SHORT, '--place-again', '200ms']);
ok_api('CreateCluster', {});
ok_api('RegisterTaskDefinition', { family => 'web', containerDefinitions => [
    { name => 'app', image => 'i', cpu => 512, memory => 128 }] });

sub instance {
    my ($zone, $cpu) = @_;

    my $out = ok_api('RegisterContainerInstance', {
        totalResources => [
            { name => 'CPU', type => 'INTEGER', integerValue => $cpu },
            { name => 'MEMORY', type => 'INTEGER', integerValue => 4096 }],
        attributes => [
            { name => 'ecs.availability-zone', value => $zone }] });

    return $out->{containerInstance}{containerInstanceArn};
}

sub on {
    return scalar @{ ok_api('ListTasks', { containerInstance => $_[0] })
                     ->{taskArns} };
}

sub service {
    return ok_api('DescribeServices', { services => ['web'] })
           ->{services}[0];
}

sub messages { return map { $_->{message} } @{ service()->{events} } }

my @instances = map { instance($_, 1024) } qw(a b);

ok_api('CreateService', { serviceName => 'web', taskDefinition => 'web',
                          desiredCount => 2 });
ok($t->wait_for(sub { service()->{runningCount} == 2 }), 'it runs');
is_deeply([map { on($_) } @instances], [1, 1], 'over both zones');
my $task = ok_api('ListTasks', {})->{taskArns}[0];
ok((grep { $_ eq ok_api('DescribeTasks', { tasks => [$task] })
                 ->{tasks}[0]{containerInstanceArn} } @instances),
   'a task names its instance');

ok($t->reload, 'reload');
ok_api('UpdateService', { service => 'web', desiredCount => 5,
    deploymentConfiguration => { maximumPercent => 200,
                                 minimumHealthyPercent => 100 } });
my $told = '(service web) was unable to place a task because no container'
    . ' instance met all of its requirements. The closest matching'
    . ' (container-instance ID) has insufficient CPU units available. For'
    . ' more information, see the Troubleshooting section of the Amazon ECS'
    . ' Developer Guide.';
ok($t->wait_for(sub {
    grep { s/instance [0-9a-f]{32}/instance ID/; $_ eq $told } messages();
}), 'there is no place for the fifth');
is(service()->{runningCount} + service()->{pendingCount}, 4,
   'the others have one');

my $third = instance('a', 512);
ok($t->wait_for(sub { service()->{runningCount} == 5 }),
   'it is placed once there is one');
is(on($third), 1, 'there');
is(scalar(grep { /unable to place/ } messages()), 1, 'it was told once');

ok_api('UpdateContainerInstancesState', { status => 'DRAINING',
    containerInstances => [@instances, $third] });
ok_api('UpdateService', { service => 'web', forceNewDeployment => \1 });
ok($t->wait_for(sub {
    grep { /Reason: No Container Instances were found in your cluster\.$/ }
        messages();
}), 'none of the instances takes tasks');

ok_api('DeleteService', { service => 'web', force => \1 });
$t->done;
