#!/usr/bin/perl

# Availability Zone rebalancing, over the API, on the simulated runtime's
# nodes in three zones: tasks on instances and tasks that the runtime finds
# places for; what holds it up, and what is said of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use KecsApi;
use Test::More;

api_start(workers => 2, reconciler => [@KecsApi::SHORT,
    '--simulated-nodes', '3', '--rebalance-again', '1500ms']);
ok_api('CreateCluster', {});

my @ZONES = map { "us-east-1$_" } qw(a b c);

ok_api('RegisterTaskDefinition', { family => 'web',
    containerDefinitions => [{ name => 'app', image => 'i', cpu => 100,
                               memory => 64 }] });
ok_api('RegisterTaskDefinition', { family => 'big',
    containerDefinitions => [{ name => 'app', image => 'i', cpu => 500,
                               memory => 64 }] });
ok_api('RegisterTaskDefinition', { family => 'serverless', cpu => '256',
    memory => '512', requiresCompatibilities => ['FARGATE'],
    networkMode => 'awsvpc',
    containerDefinitions => [{ name => 'app', image => 'i' }] });


# Helpers.

sub service {
    my ($name) = @_;

    my (undef, $out) = $t->api('DescribeServices', { services => [$name] });

    return $out->{services}[0] // {};
}

sub tasks {
    my ($name) = @_;

    my (undef, $list) = $t->api('ListTasks', { serviceName => $name });
    my @arns = @{ $list->{taskArns} } or return;
    my (undef, $out) = $t->api('DescribeTasks', { tasks => \@arns });

    return grep { $_->{lastStatus} eq 'RUNNING'
                  && $_->{desiredStatus} eq 'RUNNING' } @{ $out->{tasks} };
}

# "2 1 1": running tasks in a, b and c.
sub spread {
    my ($name) = @_;

    my %n;
    $n{ $_->{availabilityZone} }++ for tasks($name);

    return join(' ', map { $n{$_} // 0 } @ZONES);
}

sub events {
    my ($name) = @_;

    return map { $_->{message} } reverse @{ service($name)->{events} // [] };
}

sub wait_spread {
    my ($name, $want, $what) = @_;

    ok($t->wait_for(sub { spread($name) =~ /^$want$/ }, 30), $what)
        or diag(spread($name), "\n", join("\n", events($name)));

    return;
}

sub wait_event {
    my ($name, $want, $what) = @_;

    ok($t->wait_for(sub { grep { /$want/ } events($name) }, 30), $what)
        or diag(spread($name), "\n", join("\n", events($name)));

    return;
}

sub create {
    my ($name, $family, $n, %more) = @_;

    return ok_api('CreateService', { serviceName => $name,
        taskDefinition => $family, desiredCount => $n, %more })->{service};
}

sub instances {
    my (@zones) = @_;

    my $all = ok_api('ListContainerInstances', {})->{containerInstanceArns};
    my $out = ok_api('DescribeContainerInstances',
                     { containerInstances => $all });

    return map { $_->{containerInstanceArn} } grep {
        my ($zone) = map { $_->{value} }
            grep { $_->{name} eq 'ecs.availability-zone' }
            @{ $_->{attributes} };
        grep { $_ eq $zone } @zones;
    } @{ $out->{containerInstances} };
}

sub state_of {
    my ($status, @zones) = @_;

    ok_api('UpdateContainerInstancesState', { status => $status,
        containerInstances => [instances(@zones)] });

    return;
}


# On instances: all of it in one zone, then there are three.

create('warm', 'web', 3);
wait_spread('warm', '1 1 1', 'all nodes are instances');
ok_api('DeleteService', { service => 'warm', force => \1 });
state_of('DRAINING', @ZONES[1, 2]);
my $s = create('web', 'web', 4, availabilityZoneRebalancing => 'ENABLED');
is($s->{availabilityZoneRebalancing}, 'ENABLED', 'it is on');
create('off', 'web', 4, availabilityZoneRebalancing => 'DISABLED');
create('binpack', 'web', 4, placementStrategy =>
       [{ type => 'binpack', field => 'cpu' }]);
wait_spread('web', '4 0 0', 'four tasks where there is a place');
wait_spread('off', '4 0 0', 'so has another service');
wait_event('web', 'has reached a steady state', 'it is at rest');
ok(!(grep { /AZ/ } events('web')), 'one zone is even');

my $least = 4;
state_of('ACTIVE', @ZONES[1, 2]);
ok($t->wait_for(sub {
    my $now = () = tasks('web');
    $least = $now if $now < $least;
    spread('web') =~ /^(?:2 1 1|1 2 1|1 1 2)$/ }, 30), 'it is balanced')
    or diag(spread('web'), "\n", join("\n", events('web')));
is($least, 4, 'always with four tasks');
wait_event('web', 'is AZ balanced with 2 tasks in us-east-1a, 1 tasks in'
           . ' us-east-1b, 1 tasks in us-east-1c\.', 'which is told');
my @told = grep { /AZ/ } events('web');
is($told[0], '(service web) is not AZ balanced with 4 tasks in us-east-1a,'
   . ' 0 tasks in us-east-1b, 0 tasks in us-east-1c. AZ Rebalancing in'
   . ' progress.', 'how it began');
s/\(task [0-9a-f]{32}\)/(task)/ for @told;
is($told[1], '(service web) has started 1 tasks in us-east-1b to AZ'
   . ' Rebalance: (task).', 'a start');
is($told[2], '(service web) has stopped 1 running tasks in us-east-1a due to'
   . ' AZ rebalancing: (task).', 'a stop');
is(scalar @told, 6, 'two moves, and no more');
is(spread('off'), '4 0 0', 'one that is off stays');
is(spread('binpack'), '4 0 0', 'one of another strategy stays');

ok_api('UpdateService', { service => 'off',
                          availabilityZoneRebalancing => 'ENABLED' });
wait_spread('off', '2 1 1', 'until it is on');
is(scalar @{ service('off')->{deployments} }, 1, 'without a deployment');


# What holds it up.

state_of('DRAINING', @ZONES[1, 2]);
wait_spread('web', '4 0 0', 'all back in one zone');
ok($t->wait_for(sub { service('web')->{runningCount} == 4 }), 'and no more');
ok_api('UpdateTaskProtection', { cluster => 'default',
    tasks => [map { $_->{taskArn} } tasks('web')],
    protectionEnabled => \1 });
state_of('ACTIVE', @ZONES[1, 2]);
wait_event('web', 'was unable to AZ Rebalance because \(taskSet ecs-svc/\d+'
           . '\) was unable to scale in due to \(reason 4 tasks under'
           . ' protection\)\.', 'protected tasks stay');
is(spread('web'), '4 0 0', 'where they are');
ok_api('UpdateTaskProtection', { cluster => 'default',
    tasks => [map { $_->{taskArn} } tasks('web')],
    protectionEnabled => \0 });
wait_spread('web', '(?:2 1 1|1 2 1|1 1 2)', 'without it they move');
ok_api('DeleteService', { service => $_, force => \1 })
    for qw(web off binpack);
wait_api('DescribeContainerInstances', { containerInstances =>
    [instances(@ZONES)] }, 'all gone', sub {
        !grep { $_->{name} eq 'CPU' && $_->{integerValue} != 2048 }
              map { @{ $_->{remainingResources} } }
              @{ $_[0]{containerInstances} } });

for my $zone (@ZONES[1, 2]) {
    my $out = ok_api('RunTask', { taskDefinition => 'big', count => 4,
        placementConstraints => [{ type => 'memberOf', expression =>
            "attribute:ecs.availability-zone == $zone" }] });
    is(scalar @{ $out->{tasks} }, 4, "no room is left in $zone");
}

state_of('DRAINING', @ZONES[1, 2]);
create('tight', 'big', 3);
wait_spread('tight', '3 0 0', 'three tasks in one zone');
state_of('ACTIVE', @ZONES[1, 2]);
wait_event('tight', 'is unable to place a task in us-east-1b because no'
           . ' container instance met all of its requirements\.',
           'a zone without room');
wait_event('tight', '\) stopped AZ Rebalancing\.', 'that is the end of it');
is(spread('tight'), '3 0 0', 'they stay');
ok_api('StopTask', { task => $_ })
    for @{ ok_api('ListTasks', { containerInstance =>
                                 instances($ZONES[1]) })->{taskArns} };
wait_spread('tight', '2 1 0', 'there is room: it is tried again');
ok_api('DeleteService', { service => 'tight', force => \1 });


# Where the runtime finds the places.

my %net = (networkConfiguration => { awsvpcConfiguration =>
                                     { subnets => ['subnet-1'] } });
create('far', 'serverless', 9, launchType => 'FARGATE', %net);
wait_spread('far', '3 3 3', 'tasks of FARGATE');
wait_event('far', 'has reached a steady state', 'at rest');
my ($moved) = tasks('far');
ok(!defined $moved->{containerInstanceArn}, 'on no instance');
is($moved->{launchType}, 'FARGATE', 'of that launch type');

done_testing();
