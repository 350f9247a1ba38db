#!/usr/bin/perl

# Services as a client sees them: CreateService and all it refuses, what
# UpdateService keeps, clears and deploys anew, names and ARNs, the end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Kecs;
use KecsApi;
use Test::More;

api_start();

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my %NET = (networkConfiguration => { awsvpcConfiguration =>
                                     { subnets => ['subnet-1'] } });
my $NOT_IDEMPOTENT = 'Creation of service was not idempotent.';
my $LINKED = 'arn:aws:iam::000000000000:role/aws-service-role/'
             . 'ecs.amazonaws.com/AWSServiceRoleForECS';

golden('services');
$t->stop_reconciler;


sub define {
    my ($family, %more) = @_;

    ok_api('RegisterTaskDefinition', { family => $family,
        containerDefinitions => [{ name => 'c', image => 'i', memory => 64,
            portMappings => [{ containerPort => 80 }] }], %more },
        name => "family $family");

    return;
}

ok_api('CreateCluster', {});
ok_api('CreateCluster', { clusterName => 'spot',
    capacityProviders => ['FARGATE', 'FARGATE_SPOT'],
    defaultCapacityProviderStrategy =>
        [{ capacityProvider => 'FARGATE_SPOT', weight => 1 }] });
define('web', tags => [{ key => 'team', value => 'definition' }]) for 1, 2;
define('vpc', networkMode => 'awsvpc', cpu => '256', memory => '512');
define('old');
ok_api('DeregisterTaskDefinition', { taskDefinition => 'old:1' });

sub create {
    my ($name, %in) = @_;

    return ok_api('CreateService', { serviceName => $name, desiredCount => 0,
        taskDefinition => 'web:1', %in }, name => "create $name")->{service};
}

sub update {
    my ($name, %in) = @_;

    return ok_api('UpdateService', { service => $name, %in },
                  name => "update $name (@{[ sort keys %in ]})")->{service};
}

sub service {
    my ($name, %in) = @_;

    return ok_api('DescribeServices', { services => [$name], %in })
               ->{services}[0];
}

sub primary { $_[0]{deployments}[0] }


# Refusals of CreateService.

my %all = (serviceName => 'x', taskDefinition => 'web', desiredCount => 1);
refused('CreateService', { %all, %{ $$_[0] } },
        $$_[2] // 'InvalidParameterException', $$_[1]) for
    [{ cluster => 'none' }, 'Cluster not found.', 'ClusterNotFoundException'],
    [{ taskDefinition => 'none' }, 'TaskDefinition not found.',
     'ClientException'],
    [{ taskDefinition => 'old:1' }, 'TaskDefinition is inactive',
     'ClientException'],
    [{ taskDefinition => '' }, 'TaskDefinition can not be blank.'],
    [{ taskDefinition => 'web:x' },
     'Invalid task definition: Invalid revision number.'],
    [{ serviceName => 'a b' }, 'Invalid service name: up to 255 letters'
     . ' (uppercase and lowercase), numbers, underscores, and hyphens are'
     . ' allowed.'],
    [{ serviceName => 'x' x 256 }, qr/^Invalid service name: /],
    [{ serviceName => '' }, qr/^Invalid service name: /],
    [{ clientToken => 'x' x 37 }, 'idempotency token longer than 36.'],
    [{ desiredCount => undef }, 'DesiredCount is missing'],
    [{ desiredCount => -1 }, 'DesiredCount can not be lesser than 0'],
    [{ schedulingStrategy => 'x' },
     'Scheduling strategy should be one of [REPLICA,DAEMON]'],
    [{ desiredCount => undef, schedulingStrategy => 'DAEMON',
       taskDefinition => 'vpc', launchType => 'FARGATE', %NET },
     'The daemon scheduling strategy does not support the FARGATE launch'
     . ' type. Change the launch type and try again'],
    [{ deploymentController => { type => 'x' } },
     qr/^deployment controller should be one of \[ECS,CODE_DEPLOY,EXTERNAL\]/],
    [{ deploymentConfiguration => { maximumPercent => 99 } },
     'maximumPercent must be at least 100'],
    [{ deploymentConfiguration => { minimumHealthyPercent => 101 } },
     'minimumHealthyPercent must be at most 100'],
    [{ deploymentConfiguration => { maximumPercent => 100 } },
     'Both maximumPercent and minimumHealthyPercent cannot be 100 as this'
     . ' will block deployments.'],
    [{ deploymentConfiguration => { maximumPercent => 100,
       minimumHealthyPercent => 0 },
       availabilityZoneRebalancing => 'ENABLED' },
     'Availability Zone Rebalancing does not support maximumPercent <= 100 %'
     . ' as deployment configuration.'],
    [{ launchType => 'FARGATE' },
     'Task definition does not support launch_type FARGATE.'],
    [{ launchType => 'x' }, 'launch type should be one of'
     . ' [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]'],
    [{ cluster => 'spot', launchType => 'EC2', capacityProviderStrategy =>
       [{ capacityProvider => 'FARGATE' }] },
     'Specifying both a launch type and capacity provider strategy is not'
     . ' supported. Remove one and try again.'],
    [{ capacityProviderStrategy => [{ capacityProvider => 'mine' }] },
     'The specified capacity provider strategy cannot contain a capacity'
     . ' provider that is not associated with the cluster. Associate the'
     . ' capacity provider with the cluster and try again.'],
    [{ taskDefinition => 'vpc' }, 'Network Configuration must be provided'
     . " when networkMode 'awsvpc' is specified."],
    [{ %NET }, 'Network Configuration is not valid for the given networkMode'
     . ' of this task definition.'],
    [{ taskDefinition => 'vpc', networkConfiguration =>
       { awsvpcConfiguration => { subnets => [] } } },
     'subnets can not be empty.'],
    [{ platformVersion => 'LATEST' }, 'The platform version must be null'
     . ' when specifying an EC2 launch type.'],
    [{ taskDefinition => 'vpc', launchType => 'FARGATE', %NET,
       platformVersion => '1.3.0' },
     'The specified platform version does not exist.',
     'PlatformUnknownException'],
    [{ loadBalancers => [{ targetGroupArn => 'arn:x', containerName => 'x',
                           containerPort => 80 }] },
     'The container x does not exist in the task definition.'],
    [{ loadBalancers => [{ targetGroupArn => 'arn:x', containerName => 'c',
                           containerPort => 81 }] },
     'The container c did not have a container port 81 defined.'],
    [{ taskDefinition => 'vpc', launchType => 'FARGATE', %NET,
       loadBalancers => [{ loadBalancerName => 'classic', containerName =>
                           'c', containerPort => 80 }] },
     'Classic Load Balancers are not supported with Fargate.'],
    [{ serviceRegistries => [{}, {}] },
     'serviceRegistries can have at most 1 item.'],
    [{ placementStrategy => [{ type => 'binpack', field => 'x' }] },
     "binpack field 'x' is invalid"],
    [{ propagateTags => 'x' }, 'Invalid value for propagateTags'],
    [{ gatewayConnectors => [{ portName => 'p' }],
       taskDefinition => 'vpc', %NET }, 'The portName p in'
     . ' gatewayConnectors does not match any port mapping name in the task'
     . ' definition.'],
    [{ tags => [{ key => 'aws:x', value => '' }] },
     'aws: prefixed tag key names are not allowed for external use.'],
    [{ healthCheckGracePeriodSeconds => -1 },
     'healthCheckGracePeriodSeconds must be between 0 and 2147483647'];
refused('CreateService', {}, 'InvalidParameterException',
        qr/'serviceName' failed to satisfy constraint: Member must not be/);
is_deeply(ok_api('ListServices', {}), { serviceArns => [] },
          'nothing of all that was made');


# What real clients send.

my $s = create('terraform', cluster => '', deploymentConfiguration => {},
    enableECSManagedTags => $no, enableExecuteCommand => $no,
    vpcLatticeConfigurations => [], capacityProviderStrategy => [],
    launchType => 'EC2', schedulingStrategy => 'REPLICA',
    availabilityZoneRebalancing => 'DISABLED', desiredCount => 0,
    clientToken => 'terraform-20261121000000000000000001');
is($s->{availabilityZoneRebalancing}, 'DISABLED', 'rebalancing as sent');
like($s->{taskDefinition}, qr{task-definition/web:1$}, 'a full ARN');
is($s->{platformVersion} // 'absent', 'absent', 'no platform on EC2');
ok(!exists $s->{networkConfiguration}, 'no empty network configuration');
ok(!exists $s->{roleArn}, 'no role');

$s = create('fargate', taskDefinition => 'vpc', launchType => 'FARGATE',
            %NET, propagateTags => 'SERVICE', healthCheckGracePeriodSeconds
            => 30, enableExecuteCommand => $yes);
is($s->{networkConfiguration}{awsvpcConfiguration}{assignPublicIp},
   'DISABLED', 'assignPublicIp DISABLED');
is($s->{roleArn}, $LINKED, 'the service-linked role');
is($s->{healthCheckGracePeriodSeconds}, 30, 'grace period');
is($s->{propagateTags}, 'SERVICE', 'propagateTags');
ok($s->{enableExecuteCommand}, 'enableExecuteCommand');

$s = create('tight', deploymentConfiguration => { maximumPercent => 100,
            minimumHealthyPercent => 50, deploymentCircuitBreaker =>
            { enable => $yes, rollback => $yes } });
is($s->{availabilityZoneRebalancing}, 'DISABLED',
   'at 100 % rebalancing is off');
is_like($s->{deploymentConfiguration}, { maximumPercent => 100,
    minimumHealthyPercent => 50, strategy => 'ROLLING', bakeTimeInMinutes =>
    0, deploymentCircuitBreaker => { enable => $yes, rollback => $yes,
    resetOnHealthyTask => $yes, thresholdConfiguration =>
    { type => 'BOUNDED_PERCENT', value => 50 } } }, 'the rest is filled');

$s = create('balanced', role => 'mine', loadBalancers => [{ targetGroupArn =>
    'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/t/1',
    containerName => 'c', containerPort => 80 }]);
is($s->{roleArn}, 'arn:aws:iam::000000000000:role/mine', 'a role by name');
is($s->{loadBalancers}[0]{containerPort}, 80, 'load balancer');

$s = create('spot', cluster => 'spot', taskDefinition => 'vpc', %NET);
ok(!exists $s->{launchType}, 'no launch type beside a strategy');
is_deeply($s->{capacityProviderStrategy}, [{ base => 0, weight => 1,
          capacityProvider => 'FARGATE_SPOT' }], 'the default strategy');
is($s->{platformVersion}, 'LATEST', 'platform of a service');
is(primary($s)->{platformVersion}, '1.4.0', 'and of its deployment');
$s = create('ec2', cluster => 'spot', launchType => 'EC2');
is($s->{launchType}, 'EC2', 'a launch type goes before the default strategy');


# Tokens.

$s = create('token', clientToken => 'one');
is(primary(create('token', clientToken => 'one'))->{id}, primary($s)->{id},
   'the same again');
is(primary(create('token', clientToken => 'one',
   cluster => account_arn('cluster/default')))->{id}, primary($s)->{id},
   'with the cluster named another way');
refused('CreateService', { %all, serviceName => 'token', desiredCount => 0,
        taskDefinition => 'web:1', %{ $_ } }, 'InvalidParameterException',
        $NOT_IDEMPOTENT)
    for {}, { clientToken => 'two' },
        { clientToken => 'one', desiredCount => 5 },
        { clientToken => 'one', launchType => 'EXTERNAL' };
$t->reload;
is(primary(create('token', clientToken => 'one'))->{id}, primary($s)->{id},
   'after a reload');


# Names.

my $arn = account_arn('service/default/token');

for my $name ('token', $arn, account_arn('service/token')) {
    is(service($name)->{serviceArn}, $arn, "named $name");
}

my $out = ok_api('DescribeServices', { services => ['none', $arn, 'token',
    account_arn('service/default/none'), 'a b'] });
is(scalar @{ $out->{services} }, 1, 'each service once');
is_deeply([ map { $_->{arn} } @{ $out->{failures} } ],
          [ map { account_arn("service/default/$_") } 'none', 'none',
            'a b' ], 'failures with full ARNs');
is_deeply([ map { $_->{reason} } @{ $out->{failures} } ], [('MISSING') x 3],
          'MISSING');
refused($$_[0], $$_[1], $$_[3] // 'InvalidParameterException', $$_[2]) for
    map({ my $op = $_; my $in = sub { $op eq 'DescribeServices'
              ? { services => [$_[0]] } : { service => $_[0] } };
          [$op, $in->(account_arn('service/spot/x')),
           'Invalid identifier: Identifier is for cluster spot. Your cluster'
           . ' is default'],
          [$op, $in->(account_arn('service/default/token',
                                  account => '111122223333')),
           'AccountIDs mismatch'],
          [$op, $in->(account_arn('service/default/token',
                                  region => 'eu-west-1')),
           'Regions mismatch'],
          [$op, $in->('a/b'),
           'Invalid identifier: Unexpected number of separators'],
          [$op, $in->(account_arn('service/a/b/c')),
           'Invalid identifier: Unexpected number of separators'],
          [$op, $in->(account_arn('cluster/default')),
           'Invalid identifier: Unexpected resource type'] }
        qw(DescribeServices UpdateService DeleteService)),
    ['DescribeServices', { services => [] }, 'Services cannot be empty.'],
    ['DescribeServices', {}, 'Services cannot be empty.'],
    ['DescribeServices', { services => [map { "s$_" } 1 .. 11] },
     'Services cannot have more than 10 elements.'],
    ['DescribeServices', { services => ['x'], cluster => 'none' },
     'Cluster not found.', 'ClusterNotFoundException'],
    ['UpdateService', { service => 'none' }, 'Service not found.',
     'ServiceNotFoundException'],
    ['UpdateService', { service => 'none', desiredCount => -1 },
     'Service not found.', 'ServiceNotFoundException'],
    ['UpdateService', {},
     qr/'service' failed to satisfy constraint: Member must not be null/],
    ['DeleteService', { service => 'none' }, undef,
     'ServiceNotFoundException'];

ok(!exists service('token')->{tags}, 'no tags unless included');
is_deeply(service('token', include => ['TAGS'])->{tags}, [], 'TAGS');


# Services of all kinds, in a cluster of their own.

ok_api('CreateCluster', { clusterName => 'kinds' });
define('disk', volumes => [{ name => 'data', configuredAtLaunch => $yes }]);
define('named', networkMode => 'awsvpc', containerDefinitions => [{
       name => 'c', image => 'i', memory => 64,
       portMappings => [{ name => 'http', containerPort => 80 }] }]);

my @KINDS = (cluster => 'kinds');
my @BALANCED = (loadBalancers => [{ targetGroupArn => 'arn:tg',
                containerName => 'c', containerPort => 80 }]);

sub gone {
    my ($name, @force) = @_;

    my $end = ok_api('DeleteService', { @KINDS, service => $name, @force },
                     name => "delete $name")->{service};
    is($end->{status}, 'DRAINING', "$name is deleted");

    return $end;
}

$s = create('everywhere', @KINDS, desiredCount => undef,
            schedulingStrategy => 'DAEMON');
is($s->{schedulingStrategy}, 'DAEMON', 'DAEMON needs no count');
is($s->{desiredCount}, 0, 'as there is no instance');
is($s->{availabilityZoneRebalancing}, 'DISABLED', 'never rebalanced');
is($s->{deploymentConfiguration}{maximumPercent}, 100, 'one at a time');
is($s->{deploymentConfiguration}{minimumHealthyPercent}, 0,
   'stopped before it is started');
refused('UpdateService', { @KINDS, service => 'everywhere',
        desiredCount => 1 }, 'InvalidParameterException',
        'The daemon scheduling strategy does not support a desired count for'
        . ' services. Remove the desired count value and try again');
$s = update('everywhere', @KINDS, taskDefinition => 'web:2',
            deploymentConfiguration => { minimumHealthyPercent => 50 });
is(primary($s)->{taskDefinition}, account_arn('task-definition/web:2'),
   'another definition');
is($s->{deploymentConfiguration}{minimumHealthyPercent}, 50, 'and percent');
is_deeply(ok_api('ListServices', { @KINDS, schedulingStrategy => 'DAEMON' })
          ->{serviceArns}, [account_arn('service/kinds/everywhere')],
          'listed by its strategy');
gone('everywhere');

$s = create('code', @KINDS, @BALANCED, desiredCount => 2,
            deploymentController => { type => 'CODE_DEPLOY' });
is_deeply($s->{deployments}, [], 'CODE_DEPLOY: no deployments of ECS');
is_like($s->{taskSets}[0]{scale}, { unit => 'PERCENT', value => 100 },
        'but a task set');
is($s->{taskSets}[0]{status}, 'PRIMARY', 'that is PRIMARY');
is($s->{taskSets}[0]{startedBy}, 'CODE_DEPLOY', 'and says who made it');
is(update('code', @KINDS, desiredCount => 7)->{taskSets}[0]
   {computedDesiredCount}, 7, 'its count follows');
is(service('code', @KINDS)->{desiredCount}, 7, 'described so');
refused('UpdateService', { @KINDS, service => 'code', %{ $$_[0] } },
        'InvalidParameterException', $$_[1] . ' on services with a'
        . ' CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger'
        . ' a new deployment.') for
    [{ taskDefinition => 'web' }, 'Unable to update task definition'],
    [{ forceNewDeployment => $yes }, 'Cannot force a new deployment'];
gone('code', force => $yes);

$s = ok_api('CreateService', { @KINDS, serviceName => 'external',
            deploymentController => { type => 'EXTERNAL' } },
            name => 'create external')->{service};
is($s->{desiredCount}, 0, 'EXTERNAL needs no count');
is_deeply([@$s{qw(deployments taskSets)}], [[], []], 'nor a definition');
refused('UpdateService', { @KINDS, service => 'external',
        taskDefinition => 'web' }, 'InvalidParameterException',
        'TaskDefinition must be blank');
is(update('external', @KINDS, desiredCount => 3)->{desiredCount}, 3,
   'its count can be changed');
$s = service('external', @KINDS);
ok(!exists $s->{$_}, "external has no $_")
    for qw(taskDefinition launchType currentServiceDeployment);
gone('external', force => $yes);

for my $kind (
    [BLUE_GREEN => {}],
    [LINEAR => { linearConfiguration => { stepPercent => 25,
                                          stepBakeTimeInMinutes => 6 } }],
    [CANARY => { canaryConfiguration => { canaryPercent => 5,
                                          canaryBakeTimeInMinutes => 10 } }])
{
    my ($strategy, $filled) = @$kind;
    my $name = lc $strategy;
    my %more = $strategy eq 'LINEAR'
               ? (linearConfiguration => { stepPercent => 25 }) : ();
    my $conf = create($name, @KINDS, deploymentConfiguration =>
        { strategy => $strategy, bakeTimeInMinutes => 5, %more })
        ->{deploymentConfiguration};
    is($conf->{strategy}, $strategy, "$strategy is kept");
    is($conf->{bakeTimeInMinutes}, 5, "$strategy: bake time");
    is_like($conf->{$_}, $filled->{$_}, "$strategy: $_ is filled")
        for keys %$filled;

    $conf = update($name, @KINDS, deploymentConfiguration =>
                   { bakeTimeInMinutes => 7 })->{deploymentConfiguration};
    is($conf->{strategy}, $strategy, "$strategy stays");
    is($conf->{bakeTimeInMinutes}, 7, "$strategy: another bake time");
    is_like(service($name, @KINDS)->{deploymentConfiguration}, $conf,
            "$strategy: described so");
    $conf = update($name, @KINDS, deploymentConfiguration =>
                   { strategy => 'ROLLING' })->{deploymentConfiguration};
    ok(!grep({ exists $conf->{$_} } keys %$filled), "$strategy: no more");
    gone($name);
}

my $DISK = { name => 'data', managedEBSVolume =>
             { roleArn => 'arn:r', sizeInGiB => 8 } };
$s = create('disk', @KINDS, taskDefinition => 'disk',
            volumeConfigurations => [$DISK]);
is_deeply(primary($s)->{volumeConfigurations}[0]{name}, 'data',
          'volumes are of the deployment');
is(primary(service('disk', @KINDS))->{volumeConfigurations}[0]
   {managedEBSVolume}{sizeInGiB}, 8, 'described so');
$s = update('disk', @KINDS, volumeConfigurations => []);
ok(!exists primary($s)->{volumeConfigurations}, 'none any more');
gone('disk');

refused('CreateService', { @KINDS, %all, %{ $$_[0] } },
        'InvalidParameterException', $$_[1]) for
    [{ deploymentController => { type => 'CODE_DEPLOY' } },
     'A load balancer is required for services that use the CODE_DEPLOY'
     . ' deployment controller.'],
    [{ deploymentController => { type => 'EXTERNAL' } },
     'TaskDefinition must be blank'],
    [{ desiredCount => undef, schedulingStrategy => 'DAEMON',
       deploymentController => { type => 'EXTERNAL' } },
     'The daemon scheduling strategy does not support the EXTERNAL deployment'
     . ' controller. Change the deployment controller and try again'],
    [{ taskDefinition => 'disk', volumeConfigurations =>
       [{ %$DISK, name => 'none' }] },
     "The volume name 'none' in your request does not have a matching volume"
     . ' in your Task Definition'],
    [{ taskDefinition => 'named', %NET,
       gatewayConnectors => [{ portName => 'https' }] },
     'The portName https in gatewayConnectors does not match any port mapping'
     . ' name in the task definition.'],
    [{ taskDefinition => 'named', %NET,
       gatewayConnectors => [{ portName => 'http' }] },
     'gatewayConnectors were specified but no gateways are associated with'
     . ' cluster'];

create('moving', @KINDS, @BALANCED, desiredCount => 1);
refused('UpdateService', { @KINDS, service => 'moving',
        deploymentController => { type => 'CODE_DEPLOY' } },
        'InvalidParameterException', 'The deployment controller cannot be'
        . ' changed while a deployment is in progress.');


# ListServices.

sub listed {
    my (%in) = @_;

    return [ sort map { m{([^/]+)$} }
             @{ ok_api('ListServices', \%in)->{serviceArns} } ];
}

is_deeply(listed(), [qw(balanced fargate terraform tight token)],
          'of the default cluster');
is_deeply(listed(launchType => 'FARGATE'), ['fargate'], 'by launch type');
is_deeply(listed(schedulingStrategy => 'DAEMON'), [], 'by strategy');
is_deeply(listed(cluster => 'spot'), [qw(ec2 spot)], 'of a cluster');
is_deeply(listed(resourceManagementType => 'ECS'), [],
          'none is managed by ECS');
refused('ListServices', $$_[0], 'InvalidParameterException', $$_[1]) for
    [{ launchType => 'x' }, 'launch type should be one of'
     . ' [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]'],
    [{ schedulingStrategy => 'x' },
     'Scheduling strategy should be one of [REPLICA,DAEMON]'];


# UpdateService: what starts a deployment, what does not.

my $id = primary(service('token'))->{id};

for my $change (
    [desiredCount => 3], [healthCheckGracePeriodSeconds => 9],
    [deploymentConfiguration => { maximumPercent => 150 }],
    [availabilityZoneRebalancing => 'DISABLED'],
    [placementStrategy => [{ type => 'random' }]],
    [placementConstraints => [{ type => 'distinctInstance' }]],
    [enableECSManagedTags => $yes], [propagateTags => 'TASK_DEFINITION'],
    [enableExecuteCommand => $yes], [taskDefinition => 'web:1'],
    [forceNewDeployment => $no], [volumeConfigurations => []])
{
    my $after = update('token', @$change);
    is(primary($after)->{id}, $id, "$$change[0] deploys nothing");
    ok(!exists $after->{tags}, "$$change[0]: no tags");
}

$s = service('token');
is($s->{desiredCount}, 3, 'all of that is kept: desiredCount');
is($s->{healthCheckGracePeriodSeconds}, 9, 'grace');
is($s->{deploymentConfiguration}{maximumPercent}, 150, 'maximumPercent');
is($s->{deploymentConfiguration}{minimumHealthyPercent}, 100,
   'and what was not sent stays');
is_deeply($s->{placementStrategy}, [{ type => 'random' }], 'strategy');
is($s->{propagateTags}, 'TASK_DEFINITION', 'propagateTags');

for my $change ([taskDefinition => 'web:2'], [taskDefinition => 'web:1'],
                [forceNewDeployment => $yes],
                [loadBalancers => [{ targetGroupArn => 'arn:aws:x',
                    containerName => 'c', containerPort => 80 }]],
                [loadBalancers => []],
                [serviceRegistries => [{ registryArn => 'arn:aws:y' }]],
                [serviceRegistries => []])
{
    $s = update('token', @$change);
    isnt(primary($s)->{id}, $id, "$$change[0] deploys anew");
    is(primary($s)->{status}, 'PRIMARY', 'as PRIMARY');
    is(primary($s)->{rolloutState}, 'IN_PROGRESS', 'IN_PROGRESS');
    is_deeply([ map { $_->{status} } @{ $s->{deployments} }
                [1 .. $#{ $s->{deployments} }] ],
              [ map { 'ACTIVE' } 2 .. @{ $s->{deployments} } ],
              'the others are ACTIVE');
    $id = primary($s)->{id};
}

$s = update('token', placementStrategy => [], placementConstraints => []);
is_deeply([@$s{qw(placementStrategy placementConstraints)}], [[], []],
          '[] clears');
$s = update('token', deploymentConfiguration => { deploymentCircuitBreaker =>
            { enable => $yes, rollback => $no } });
ok($s->{deploymentConfiguration}{deploymentCircuitBreaker}{enable},
   'a circuit breaker');
$s = update('token', deploymentConfiguration => { deploymentCircuitBreaker =>
            { enable => $no, rollback => $no } });
ok(!$s->{deploymentConfiguration}{deploymentCircuitBreaker}{enable},
   'taken away again, as Terraform does it');
is($s->{deploymentConfiguration}{maximumPercent}, 150, 'and nothing else');

my $before = service('token');
update('token');
my $same = service('token');
is_like($same, $before, 'an update with nothing changes nothing');

refused('UpdateService', { service => 'token', %{ $$_[0] } },
        $$_[2] // 'InvalidParameterException', $$_[1]) for
    [{ desiredCount => -1 }, 'Task count can not be lesser than 0'],
    [{ taskDefinition => 'none' }, 'TaskDefinition not found.',
     'ClientException'],
    [{ taskDefinition => 'old:1' }, 'TaskDefinition is inactive',
     'ClientException'],
    [{ taskDefinition => 'vpc' }, 'Network Configuration must be provided'
     . " when networkMode 'awsvpc' is specified."],
    [{ %NET }, 'Network Configuration is not valid for the given networkMode'
     . ' of this task definition.'],
    [{ deploymentConfiguration => { maximumPercent => 99 } },
     'maximumPercent must be at least 100'],
    [{ deploymentConfiguration => { minimumHealthyPercent => 101 } },
     'minimumHealthyPercent must be at most 100'],
    [{ loadBalancers => [{ targetGroupArn => 'x', containerName => 'x',
                           containerPort => 80 }] },
     'The container x does not exist in the task definition.'],
    [{ availabilityZoneRebalancing => 'ENABLED', deploymentConfiguration =>
       { maximumPercent => 100, minimumHealthyPercent => 0 } },
     "The service couldn't be updated because Availability Zone Rebalancing"
     . ' does not support maximumPercent <= 100 % as deployment'
     . ' configuration. Update deployment configuration and try again.'],
    [{ platformVersion => '1.4.0' }, 'The platform version must be null when'
     . ' specifying an EC2 launch type.'];
is_like(service('token'), $before, 'nor does a refused one');

# A service lives on with a definition that is no longer ACTIVE.

ok_api('DeregisterTaskDefinition', { taskDefinition => 'web:1' });
is(primary(update('token', forceNewDeployment => $yes))->{taskDefinition},
   account_arn('task-definition/web:1'), 'deployed anew, INACTIVE as it is');

$s = update('spot', cluster => 'spot', capacityProviderStrategy =>
            [{ capacityProvider => 'FARGATE', weight => 2, base => 1 }]);
is_deeply($s->{capacityProviderStrategy}, [{ capacityProvider => 'FARGATE',
          weight => 2, base => 1 }], 'another strategy');
is(scalar @{ $s->{deployments} }, 2, 'is deployed');


# Tasks of a service, and its end.

define('web', tags => [{ key => 'team', value => 'definition' }]);
create('tagged', taskDefinition => 'web', desiredCount => 2, tags =>
       [{ key => 'team', value => 'service' }], propagateTags => 'SERVICE',
       enableECSManagedTags => $yes);
$t->start_reconciler;

my $tasks = wait_api('ListTasks', { serviceName => 'tagged' }, 'two tasks',
                     sub { @{ $_[0]{taskArns} } == 2 })->{taskArns};
$out = ok_api('DescribeTasks', { tasks => $tasks, include => ['TAGS'] });
is_deeply($_->{tags}, [{ key => 'team', value => 'service' },
          { key => 'aws:ecs:clusterName', value => 'default' },
          { key => 'aws:ecs:serviceName', value => 'tagged' }],
          'tags of the service, and of ECS') for @{ $out->{tasks} };
is($_->{group}, 'service:tagged', 'group') for @{ $out->{tasks} };
is_deeply(ok_api('ListTasks', { serviceName =>
          account_arn('service/default/tagged') })->{taskArns}, $tasks,
          'listed by the ARN of the service');
is_deeply(ok_api('ListTasks', { startedBy => $out->{tasks}[0]{startedBy} })
          ->{taskArns}, $tasks, 'and by the deployment');

refused('DeleteService', { service => 'tagged' },
        'InvalidParameterException',
        'The service cannot be stopped while it is scaled above 0.');
$s = ok_api('DeleteService', { service => 'tagged', force => $yes })
         ->{service};
is($s->{status}, 'DRAINING', 'DRAINING');
is($s->{desiredCount}, 0, 'nothing is wanted any more');
ok(!exists $s->{$_}, "no $_") for qw(tags currentServiceRevisions);
like(ok_api('DeleteService', { service => 'tagged' })->{service}{status},
     qr/^(?:DRAINING|INACTIVE)$/, 'deleting it again is fine');
wait_api('DescribeServices', { services => ['tagged'] }, 'INACTIVE',
         sub { $_[0]{services}[0]{status} eq 'INACTIVE' });
$s = service('tagged', include => ['TAGS']);
is($s->{runningCount} + $s->{pendingCount}, 0, 'without tasks');
is_deeply($s->{events}, [], 'without events');
ok(!grep({ $_ eq 'tagged' } @{ listed() }), 'not listed');
refused('UpdateService', { service => 'tagged' }, 'ServiceNotActiveException',
        'Service was not ACTIVE.');
is(ok_api('DeleteService', { service => 'tagged' })->{service}{status},
   'INACTIVE', 'deleting it is still fine');
is(ok_api('ListTasks', { serviceName => 'tagged' })->{taskArns}[0], undef,
   'its tasks can be asked for');

$s = create('tagged', taskDefinition => 'web');
is($s->{status}, 'ACTIVE', 'the name is free again');
is_deeply([@$s{qw(tags events)}], [undef, []], 'and begins anew');

# An unfinished stop keeps the name.

$t->stop_reconciler;
create('slow', taskDefinition => 'web');
ok_api('DeleteService', { service => 'slow' });
refused('CreateService', { %all, serviceName => 'slow' },
        'InvalidParameterException',
        'Unable to Start a service that is still Draining.');
refused('UpdateService', { service => 'slow', desiredCount => 1 },
        'ServiceNotActiveException', 'Service was not ACTIVE.');

$t->done;
