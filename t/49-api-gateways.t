#!/usr/bin/perl

# Daemons and their task definitions, gateways with their associations and
# routes, Express services.

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
my $INVALID = 'InvalidParameterException';
my $ROLE = 'arn:aws:iam::000000000000:role/r';

ok_api('CreateCluster', {});
ok_api('CreateCluster', { clusterName => 'two' });

# Refusals of one operation: [more or other members, text, class].

sub all_refused {
    my ($op, $in, @cases) = @_;

    refused($op, { %$in, %{ $$_[0] } }, $$_[2] // $INVALID, $$_[1])
        for @cases;

    return;
}


# Task definitions of daemons.

my @AGENT = (containerDefinitions => [{ name => 'agent', image => 'agent:1',
                                        memory => 128 }]);
my $TASKDEF = account_arn('daemon-task-definition/agent');

sub register {
    return ok_api('RegisterDaemonTaskDefinition', { family => 'agent',
                  @AGENT, @_ })->{daemonTaskDefinitionArn};
}

is(register(), "$TASKDEF:1", 'the first');
is(register(pidMode => 'shared', tags => [{ key => 'a', value => '1' }]),
   "$TASKDEF:2", 'the second');
my $out = ok_api('DescribeDaemonTaskDefinition', { daemonTaskDefinition =>
                 'agent' })->{daemonTaskDefinition};
is_like($out, { daemonTaskDefinitionArn => "$TASKDEF:2", family => 'agent',
    revision => 2, status => 'ACTIVE', pidMode => 'shared',
    ipcMode => 'none', registeredAt => '<time>', registeredBy => '<any>',
    volumes => [], containerDefinitions => [{ name => 'agent', cpu => 0,
    environment => [], essential => $yes, image => 'agent:1', memory => 128,
    mountPoints => [], systemControls => [] }] }, 'the latest');
is_deeply([ map { $_->{arn} } @{ ok_api('ListDaemonTaskDefinitions',
          { family => 'agent', sort => 'DESC' })->{daemonTaskDefinitions} } ],
          ["$TASKDEF:2", "$TASKDEF:1"], 'listed');
is_deeply(ok_api('ListTagsForResource', { resourceArn => "$TASKDEF:2" })
          ->{tags}, [{ key => 'a', value => '1' }], 'its tags');

all_refused('RegisterDaemonTaskDefinition', { family => 'x', @AGENT }, map {
    [@$_, 'ClientException'] }
    [{ family => 'a b' }, 'Family contains invalid characters.'],
    [{ containerDefinitions => [] }, 'Container list cannot be empty.'],
    [{ pidMode => 'host' }, 'pidMode should be one of [none,shared]'],
    [{ volumes => [{ name => 'v', logDriverVolumeConfiguration =>
                     { driver => 'awslogs' } }] },
     'awslogs is not a valid log driver. Must be one of [json-file]']);
all_refused('DescribeDaemonTaskDefinition', {},
    [{}, 'DaemonTaskDefinition cannot be empty.', 'ClientException'],
    [{ daemonTaskDefinition => 'none' },
     'Unable to describe daemon task definition.', 'ClientException'],
    [{ daemonTaskDefinition => 'agent:x' },
     'Invalid task definition: Invalid revision number.']);


# Daemons.

ok_api('CreateCapacityProvider', { name => $$_[0], cluster => $$_[1],
    managedInstancesProvider => { infrastructureRoleArn => $ROLE,
        instanceLaunchTemplate => { ec2InstanceProfileArn => 'arn:p',
            networkConfiguration => { subnets => ['subnet-1'] } } } })
    for ['managed', 'default'], ['other', 'two'];

my %daemon = (daemonName => 'agent', clusterArn => 'default',
              daemonTaskDefinitionArn => 'agent:2',
              capacityProviderArns => ['managed'], clientToken => 'one');
my $DAEMON = account_arn('daemon/default/agent');
my $made = ok_api('CreateDaemon', \%daemon);
is_like($made, { daemonArn => $DAEMON, deploymentArn => '<any>',
        status => 'ACTIVE', createdAt => '<time>' }, 'a daemon');
is(ok_api('CreateDaemon', \%daemon)->{deploymentArn},
   $made->{deploymentArn}, 'the same token');

$out = ok_api('DescribeDaemon', { daemonArn => $DAEMON })->{daemon};
is($out->{daemonArn}, $DAEMON, 'described');
is($out->{status}, 'ACTIVE', 'ACTIVE');
my $revision = $out->{currentRevisions}[0]{arn};
$out = ok_api('DescribeDaemonDeployments', { daemonDeploymentArns =>
    [$made->{deploymentArn}, account_arn('daemon-deployment/default/agent/x')]
    });
is($out->{daemonDeployments}[0]{status}, 'SUCCESSFUL', 'deployed');
is($out->{daemonDeployments}[0]{targetDaemonRevision}{arn}, $revision,
   'its revision');
is($out->{failures}[0]{reason}, 'MISSING', 'another is missing');
$out = ok_api('DescribeDaemonRevisions', { daemonRevisionArns =>
              [$revision] })->{daemonRevisions}[0];
is($out->{daemonTaskDefinitionArn}, "$TASKDEF:2", 'what it runs');
is($out->{containerImages}[0]{image}, 'agent:1', 'its image');

$out = ok_api('UpdateDaemon', { daemonArn => $DAEMON,
    daemonTaskDefinitionArn => 'agent:1',
    capacityProviderArns => ['managed'] });
isnt($out->{deploymentArn}, $made->{deploymentArn}, 'another deployment');
is_deeply([ map { $_->{daemonDeploymentArn} } @{ ok_api(
          'ListDaemonDeployments', { daemonArn => $DAEMON })
          ->{daemonDeployments} } ], [$out->{deploymentArn},
          $made->{deploymentArn}], 'the newest first');
is_deeply([ map { $_->{daemonArn} } @{ ok_api('ListDaemons', { clusterArn =>
          'default' })->{daemonSummariesList} } ], [$DAEMON], 'listed');

delete $daemon{clientToken};
all_refused('CreateDaemon', \%daemon,
    [{}, 'Creation of daemon was not idempotent.'],
    [{ daemonName => 'x', clusterArn => 'none' }, 'Cluster not found.',
     'ClusterNotFoundException'],
    [{ daemonName => 'x', daemonTaskDefinitionArn => 'none' },
     'DaemonTaskDefinition not found.', 'ClientException'],
    [{ daemonName => 'x', capacityProviderArns => [] },
     'capacityProviderArns can not be empty.'],
    [{ daemonName => 'x', capacityProviderArns => ['FARGATE'] },
     'ECS Managed Daemons is only supported for Amazon ECS Managed Instances'
     . ' Capacity Providers.'],
    [{ daemonName => 'x', capacityProviderArns => ['other'] },
     'The specified capacity provider other is not associated with the'
     . ' cluster. Associate the capacity provider with the cluster and try'
     . ' again.']);
all_refused('DescribeDaemon', {},
    [{ daemonArn => account_arn('daemon/default/none') },
     'Daemon not found.', 'DaemonNotFoundException'],
    [{ daemonArn => 'agent' },
     'Invalid identifier: The ARN is malformed']);

# A definition that is used is deleted when it no longer is.

sub taskdef_status {
    return ok_api('DescribeDaemonTaskDefinition', { daemonTaskDefinition =>
                  shift })->{daemonTaskDefinition}{status};
}

ok_api('DeleteDaemonTaskDefinition', { daemonTaskDefinition =>
                                       "agent:$_" }) for 1, 2;
is(taskdef_status('agent:2'), 'DELETED', 'not used, deleted');
is(taskdef_status('agent:1'), 'DELETE_IN_PROGRESS', 'used');
all_refused('DeleteDaemonTaskDefinition', { daemonTaskDefinition => 'agent'
    }, [{}, 'Revision is missing'],
    [{ daemonTaskDefinition => 'agent:1' }, 'The specified daemon task'
     . ' definition is not ACTIVE.', 'ClientException'],
    [{ daemonTaskDefinition => 'none:1' }, 'The specified daemon task'
     . ' definition does not exist.', 'ClientException']);
ok($t->reload, 'a reload');
is(ok_api('DeleteDaemon', { daemonArn => $DAEMON })->{status},
   'DELETE_IN_PROGRESS', 'the daemon is deleted');
is(taskdef_status('agent:1'), 'DELETED', 'and with it what it used');
refused('DescribeDaemon', { daemonArn => $DAEMON },
        'DaemonNotFoundException', 'Daemon not found.');
is(register(), "$TASKDEF:3", 'numbers do not repeat');


# Gateways.

sub gateway {
    my ($name, %in) = @_;

    return { name => $name, infrastructureRoleArn => $ROLE,
             configuration => { hostSharedAlb => {} }, %in };
}

is_deeply(ok_api('CreateGateway', gateway('front', clientToken => 'one')),
          { gatewayArn => account_arn('gateway/front'), name => 'front',
            status => 'ACTIVE' }, 'a gateway');
is(ok_api('CreateGateway', gateway('front', clientToken => 'one'))->{name},
   'front', 'the same token');
ok_api('CreateGateway', gateway('inner', deletionProtection => $no,
       configuration => { hostSharedAlb => { scheme => 'internal' } }));
$out = ok_api('DescribeGateway', { gateway => 'front' })->{gateway};
is($out->{accessType}, 'PUBLIC', 'PUBLIC');
ok($out->{deletionProtection}, 'protected');
is($out->{configuration}{hostSharedAlb}{port}, 443, 'at its port');
is(ok_api('DescribeGateway', { gateway => account_arn('gateway/inner') })
   ->{gateway}{accessType}, 'PRIVATE', 'by ARN');
is(ok_api('UpdateGateway', { gateway => 'front', configuration =>
   { hostSharedAlb => { maxAlbCount => 3 } } })->{status},
   'UPDATE_IN_PROGRESS', 'updated');
$out = ok_api('DescribeGateway', { gateway => 'front' })->{gateway};
is($out->{configuration}{hostSharedAlb}{maxAlbCount}, 3, 'changed');
is($out->{status}, 'UPDATE_COMPLETE', 'complete');
is_deeply([ map { $_->{name} } @{ ok_api('ListGateways', {})->{gateways} } ],
          ['front', 'inner'], 'listed');
is_deeply(ok_api('DescribeGatewayResources', { gateway => 'front' })
          ->{gatewayResources}{resources}, { hostSharedAlb => [] },
          'nothing is built');

all_refused('CreateGateway', gateway('x'),
    [{ name => 'front' }, 'Creation of gateway was not idempotent.'],
    [{ name => 'a b' }, qr/^Invalid gateway name: /],
    [{ configuration => { hostSharedAlb => { port => 80 } } },
     'The gateway supports only HTTPS at port 443.'],
    [{ configuration => { hostSharedAlb => { scheme => 'outer' } } },
     'scheme should be one of [internet-facing,internal]']);
refused($_, { gateway => 'none' }, 'GatewayNotFoundException',
        'Gateway not found.')
    for qw(DescribeGateway UpdateGateway DeleteGateway
           DescribeGatewayResources ListGatewayRoutes);

is(ok_api('AssociateGatewayWithCluster', { cluster => 'default', gateway =>
   $_ })->{status}, 'ACTIVE', "$_ is associated") for 'front', 'inner';
is_deeply([ map { $_->{clusterArn} } @{ ok_api(
          'ListGatewayClusterAssociations', { gateway => 'front' })
          ->{gatewayClusterAssociations} } ], [account_arn('cluster/default')],
          'listed');
refused('AssociateGatewayWithCluster', { gateway => 'front', cluster =>
        'none' }, 'ClusterNotFoundException', 'Cluster not found.');
refused('DisassociateGatewayFromCluster', { gateway => 'front', cluster =>
        'two' }, 'ResourceNotFoundException',
        'The gateway is not associated with the cluster.');


# Routes: of services with connectors.

ok_api('RegisterTaskDefinition', { family => 'web', networkMode => 'awsvpc',
    containerDefinitions => [{ name => 'c', image => 'i', memory => 64,
        portMappings => [{ name => 'http', containerPort => 80 }] }] });
my %web = (serviceName => 'web', taskDefinition => 'web', desiredCount => 0,
           networkConfiguration => { awsvpcConfiguration =>
                                     { subnets => ['subnet-1'] } });
refused('CreateService', { %web, cluster => 'two', gatewayConnectors =>
        [{ portName => 'http' }] }, $INVALID, 'gatewayConnectors were'
        . ' specified but no gateways are associated with cluster');
ok_api('CreateService', { %web, gatewayConnectors => [{ portName => 'http',
       filters => { accessTypes => ['PUBLIC'] } }] });

sub routes {
    return ok_api('ListGatewayRoutes', { @_ })->{gatewayRoutes};
}

$out = routes(service => 'web', cluster => 'default');
is(scalar @$out, 1, 'a route');
is($out->[0]{gatewayArn}, account_arn('gateway/front'), 'of one gateway');
is($out->[0]{serviceContainerPortName}, 'http', 'to its port');
my $route = $out->[0]{gatewayRouteArn};
$out = ok_api('DescribeGatewayRoute', { gatewayRouteArn => $route })
           ->{gatewayRoute};
is($out->{gatewayRouteArn}, $route, 'described');
like($out->{serviceUrl}, qr{^https://}, 'its address');
is_deeply(routes(gateway => 'inner'), [], 'none of the other');
refused('DescribeGatewayRoute', { gatewayRouteArn => account_arn(
        'gateway-route/front/x') }, 'ResourceNotFoundException',
        'Gateway route not found.');

is(ok_api('DisassociateGatewayFromCluster', { gateway => 'front',
   cluster => 'default' })->{status}, 'DISASSOCIATING', 'it is still used');
ok_api('UpdateService', { service => 'web', gatewayConnectors => [] });
is_deeply(routes(), [], 'no connector, no route');
is_deeply(ok_api('ListGatewayClusterAssociations', { gateway => 'front' })
          ->{gatewayClusterAssociations}, [], 'and no association');

refused('DeleteGateway', { gateway => 'front' }, $INVALID, 'The gateway front'
        . ' cannot be deleted while deletion protection is enabled. Disable'
        . ' deletion protection and try again.');
refused('DeleteGateway', { gateway => 'inner' }, $INVALID, 'The gateway inner'
        . ' cannot be deleted while it is associated with clusters.'
        . ' Disassociate all clusters and try again.');
ok_api('UpdateGateway', { gateway => 'front', deletionProtection => $no });
is(ok_api('DeleteGateway', { gateway => 'front' })->{status}, 'DELETED',
   'deleted');
refused('DescribeGateway', { gateway => 'front' },
        'GatewayNotFoundException', 'Gateway not found.');


# Express services.

my %express = (infrastructureRoleArn => $ROLE, executionRoleArn => $ROLE,
               primaryContainer => { image => 'nginx:1' });
my $SHOP = account_arn('service/default/shop');
$out = ok_api('CreateExpressGatewayService', { %express, serviceName =>
    'shop', tags => [{ key => 'a', value => '1' }] })->{service};
is($out->{serviceArn}, $SHOP, 'an Express service');
is($out->{status}{statusCode}, 'ACTIVE', 'ACTIVE');
my $conf = $out->{activeConfigurations}[0];
is_deeply([@$conf{qw(cpu memory healthCheckPath taskDefinitionArn)}],
          ['256', '512', '/ping', account_arn(
           'task-definition/default-shop:1')], 'with defaults');
like($conf->{ingressPaths}[0]{endpoint}, qr/^sh-/, 'and an address');
$out = ok_api('DescribeServices', { services => ['shop'] })->{services}[0];
is($out->{resourceManagementType}, 'ECS', 'the service behind it');
is($out->{desiredCount}, 1, 'wants a task');
ok_api('CreateService', { %web, serviceName => 'own' });
is_deeply([ map { m{([^/]+)$} } @{ ok_api('ListServices', {
          resourceManagementType => $_ })->{serviceArns} } ],
          $_ eq 'ECS' ? ['shop'] : ['own', 'web'], "of $_")
    for 'ECS', 'CUSTOMER';

$out = ok_api('UpdateExpressGatewayService', { serviceArn => $SHOP,
              cpu => '512', memory => '1024' })->{service};
is($out->{targetConfiguration}{cpu}, '512', 'updated');
is($out->{targetConfiguration}{taskDefinitionArn}, account_arn(
   'task-definition/default-shop:2'), 'with another definition');
$out = ok_api('DescribeExpressGatewayService', { serviceArn => $SHOP,
              include => ['TAGS'] })->{service};
is(scalar @{ $out->{activeConfigurations} }, 2, 'both are live');
is_deeply($out->{tags}, [{ key => 'a', value => '1' }], 'TAGS');

all_refused('CreateExpressGatewayService', { %express, serviceName => 'x' },
    [{ serviceName => 'shop' }, 'Creation of service was not idempotent.'],
    [{ cluster => 'none' }, 'Cluster not found.',
     'ClusterNotFoundException'],
    [{ healthCheckPath => 'ping' },
     'healthCheckPath must start with a forward slash.'],
    [{ cpuArchitecture => 'RISC' },
     'cpuArchitecture should be one of [X86_64,ARM64]'],
    [{ cpu => '256', memory => '4096' }, 'No Fargate configuration exists for'
     . ' given values: 256 CPU, 4096 memory. See the Amazon ECS documentation'
     . ' for the valid values.', 'ClientException'],
    [{ taskDefinitionArn => 'a:1' }, 'taskDefinitionArn cannot be specified'
     . ' together with primaryContainer, executionRoleArn, taskRoleArn, cpu,'
     . ' memory, or cpuArchitecture.']);
refused('DescribeExpressGatewayService', { serviceArn =>
        account_arn('service/default/own') }, 'ResourceNotFoundException',
        'Resource not found');

is(ok_api('DeleteExpressGatewayService', { serviceArn => $SHOP })
   ->{service}{status}{statusCode}, 'DRAINING', 'deleted');
refused($_, { serviceArn => $SHOP }, 'ServiceNotActiveException', 'Cannot'
        . ' perform this operation on a service in DRAINING status')
    for qw(DeleteExpressGatewayService UpdateExpressGatewayService);

$t->done;
