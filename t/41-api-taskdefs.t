#!/usr/bin/perl

# Task definitions as a client sees them: whole answers, every refusal of
# RegisterTaskDefinition, what comes back of what was sent, revisions.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Kecs;
use KecsApi;
use Test::More;

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);
api_start();

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $ROLE = 'arn:aws:iam::000000000000:role/exec';
my $SIZE = 'No Fargate configuration exists for given values: %s CPU,'
           . ' %s memory. See the Amazon ECS documentation for the valid'
           . ' values.';
my $ORDER = 'ecs.capability.container-ordering';
my $SCOPE = 'task-definition/';


golden('taskdefs');


# A definition with changes to it and to its first container.

sub ec2 {
    my ($container, %more) = @_;

    return { family => 'f', containerDefinitions =>
             [{ name => 'c', image => 'i', memory => 64, %{ $container } }],
             %more };
}

sub fargate {
    my ($container, %more) = @_;

    return { family => 'f', requiresCompatibilities => ['FARGATE'],
             networkMode => 'awsvpc', cpu => '256', memory => '512',
             containerDefinitions => [{ name => 'c', image => 'i',
                                        %{ $container } }], %more };
}

sub with {
    my ($first, @others) = @_;

    return { family => 'f', containerDefinitions => [
        { name => 'c', image => 'i', memory => 64, %$first },
        map { +{ name => 'd', image => 'i', memory => 64, %$_ } } @others ] };
}

sub not_registered {
    my ($in, $message, $type) = @_;

    refused('RegisterTaskDefinition', $in, $type // 'ClientException',
            $message);
}

sub registered {
    my ($in, $name) = @_;

    return ok_api('RegisterTaskDefinition', $in, name => $name)
               ->{taskDefinition};
}


# What must be there.

not_registered(@$_) for
    [ec2({}, family => ''), 'Family can not be blank.'],
    [{ containerDefinitions => [{ name => 'c' }] },
     'Family can not be blank.'],
    [ec2({}, family => 'a b'), 'Family contains invalid characters.'],
    [ec2({}, family => 'f:1'), 'Family contains invalid characters.'],
    [ec2({}, family => 'x' x 256), 'Family contains invalid characters.'],
    [{ family => 'f' }, 'Container list cannot be empty.'],
    [{ family => 'f', containerDefinitions => [] },
     'Container list cannot be empty.'],
    [ec2({ name => '' }), 'Container.name should not be null or empty.'],
    [ec2({ name => undef }), 'Container.name should not be null or empty.'],
    [ec2({ name => 'a b' }), 'Container.name contains invalid characters.'],
    [ec2({ image => '' }), 'Container.image should not be null or empty.'],
    [ec2({ image => undef }), 'Container.image should not be null or empty.'],
    [ec2({ image => 'a b' }), 'Container.image contains invalid characters.'],
    [ec2({}, tags => []), 'Tags can not be empty.'],
    [ec2({}, tags => [{ key => 'k' }]), 'Tag value can not be null.'],
    [ec2({ essential => $no }),
     "Task definition doesn't have any essential container."],
    [with({}, { name => 'c' }),
     'Container names must be unique within a Task Definition.'],
    [ec2({ memory => undef }), "Invalid setting for container 'c'. At least"
     . " one of 'memory' or 'memoryReservation' must be specified."];

is(scalar @{ registered({ family => 'ten', containerDefinitions =>
    [map { +{ name => "c$_", image => 'i', memory => 16 } } 1 .. 10] })
    ->{containerDefinitions} }, 10, 'ten containers');
not_registered({ family => 'ten', containerDefinitions =>
    [map { +{ name => "c$_", image => 'i', memory => 16 } } 1 .. 11] },
    'Container list can have at most 10 items.');


# Sizes.

not_registered(@$_, 'InvalidParameterException') for
    [ec2({}, cpu => ''), "Invalid 'cpu' setting for task."],
    [ec2({}, cpu => 'bad'), "Invalid 'cpu' setting for task."],
    [ec2({}, cpu => '-1'), "Invalid 'cpu' setting for task."],
    [ec2({}, cpu => '1 vGPU'), "Invalid 'cpu' setting for task."],
    [ec2({}, memory => 'x'), "Invalid 'memory' setting for task."],
    [ec2({}, memory => ''), "Invalid 'memory' setting for task."],
    [ec2({}, memory => '0'), "Invalid 'memory' setting for task."];

for (['1 vCPU', '1024'], ['.25 vcpu', '256'], ['2vCPU', '2048'],
     ['1024', '1024'], [' 512 ', '512'])
{
    is(registered(ec2({}, cpu => $$_[0]), "cpu '$$_[0]'")->{cpu}, $$_[1],
       "cpu $$_[1]");
}

for (['1 GB', '1024'], ['0.5GB', '512'], ['3 gb', '3072'], ['100', '100']) {
    is(registered(ec2({}, memory => $$_[0]), "memory '$$_[0]'")->{memory},
       $$_[1], "memory $$_[1]");
}

my $TROUBLE = "Invalid 'cpu' setting for task. For more information, see the"
              . ' Troubleshooting section of the Amazon ECS Developer Guide.';
not_registered(@$_) for
    [ec2({}, cpu => '127'), $TROUBLE], [ec2({}, cpu => '196609'), $TROUBLE],
    [ec2({ memory => 65 }, memory => '64'),
     "The 'memory' setting for container 'c' is greater than for the task."],
    [ec2({ cpu => 300 }, cpu => '256'),
     "The 'cpu' setting for container 'c' is greater than for the task."],
    [ec2({ memory => 3 }), "Invalid 'memory' setting for container 'c'"],
    [ec2({ memory => undef, memoryReservation => 0 }),
     "Invalid 'memoryReservation' setting for container 'c'"],
    [ec2({ memoryReservation => 65 }), "Invalid setting for container 'c'."
     . " The 'memoryReservation' setting must not be greater than the"
     . " 'memory' setting."],
    [ec2({ cpu => -1 }), "Invalid 'cpu' setting for container 'c'"];
registered(ec2({ memory => undef, memoryReservation => 16 }),
           'a reservation is enough');
registered(ec2({ memory => undef }, memory => '64'),
           'and so is the memory of the task');

not_registered(fargate({}, cpu => $$_[0], memory => $$_[1]),
               sprintf($SIZE, @$_)) for
    ['256', '4096'], ['256', '1536'], ['512', '512'], ['512', '5120'],
    ['1024', '1024'], ['2048', '3072'], ['4096', '31744'],
    ['8192', '17408'], ['16384', '30720'], ['300', '512'], ['128', '512'];
registered(fargate({}, cpu => $$_[0], memory => $$_[1]), "Fargate: @$_") for
    ['256', '2048'], ['512', '4096'], ['1024', '2048'], ['2048', '16384'],
    ['4096', '30720'], ['8192', '61440'], ['16384', '122880'];
not_registered(@$_) for
    [fargate({}, cpu => undef),
     "Fargate requires that 'cpu' be defined at the task level."],
    [fargate({}, memory => undef),
     "Fargate requires that 'memory' be defined at the task level."];


# Fargate, and what it does not have.

not_registered(fargate({}, networkMode => $_),
               'Fargate only supports network mode ‘awsvpc’.')
    for undef, 'bridge', 'host', 'none';

sub not_on_fargate {
    my ($what, $container, %more) = @_;

    not_registered(fargate($container, %more),
                   "Fargate compatible task definitions do not support $what");
}

not_on_fargate('privileged', { privileged => $yes });
not_on_fargate('devices', { linuxParameters => { devices =>
                            [{ hostPath => '/dev/x' }] } });
not_on_fargate('sharedMemorySize', { linuxParameters =>
                                     { sharedMemorySize => 64 } });
not_on_fargate('tmpfs', { linuxParameters => { tmpfs =>
    [{ containerPath => '/t', size => 1 }] } });
not_on_fargate('maxSwap', { linuxParameters => { maxSwap => 1 } });
not_on_fargate('swappiness', { linuxParameters => { swappiness => 1 } });
not_on_fargate('GPU', { resourceRequirements =>
                        [{ type => 'GPU', value => '1' }] });
not_on_fargate('sourcePath', {}, volumes =>
               [{ name => 'v', host => { sourcePath => '/x' } }]);
not_on_fargate('dockerVolumeConfiguration', {}, volumes =>
               [{ name => 'v', dockerVolumeConfiguration => {} }]);
not_on_fargate('ipcMode', {}, ipcMode => 'task');
not_on_fargate('placementConstraints', {}, placementConstraints =>
               [{ type => 'memberOf', expression => 'x' }]);
not_registered(@$_) for
    [fargate({}, pidMode => 'host'), 'Tasks using the Fargate launch type do'
     . " not support pidMode 'host'. The supported value for pidMode is"
     . " 'task'."],
    [fargate({ stopTimeout => 121 }), 'Tasks using the Fargate launch type'
     . ' must have a container stop timeout of less than 120 seconds.'],
    [fargate({ stopTimeout => 121 },
             requiresCompatibilities => ['EC2', 'FARGATE']),
     'Tasks using the Fargate launch type must have a container stop timeout'
     . ' of less than 120 seconds.'],
    [fargate({ logConfiguration => { logDriver => 'json-file' } }),
     'json-file is not a valid log driver. Must be one of'
     . ' [awslogs,splunk,awsfirelens]'],
    [fargate({ image => '000000000000.dkr.ecr.us-east-1.amazonaws.com/a' }),
     'Fargate requires task definition to have execution role ARN to support'
     . ' ECR images.'],
    [fargate({}, ephemeralStorage => { sizeInGiB => 20 }),
     'The ephemeral storage size must be between 21 GiB and 200 GiB.'],
    [fargate({}, ephemeralStorage => { sizeInGiB => 201 }),
     'The ephemeral storage size must be between 21 GiB and 200 GiB.'];
is(registered(fargate({ stopTimeout => 120, startTimeout => 121 }))
   ->{containerDefinitions}[0]{startTimeout}, 121,
   'Fargate takes stopTimeout 120 and startTimeout 121');
registered(fargate({}, pidMode => 'task', ephemeralStorage =>
                   { sizeInGiB => 21 }), 'pidMode task, 21 GiB');
registered(fargate({ image => '000000000000.dkr.ecr.us-east-1.amazonaws'
                     . '.com/a' }, executionRoleArn => $ROLE),
           'an image of ECR with a role');


# Compatibilities.

sub compatible {
    my ($name, $in, @want) = @_;

    is_deeply([ sort @{ registered($in, $name)->{compatibilities} } ],
              [ sort @want ], "$name: @want");
}

compatible('no network mode', ec2({}), 'EC2', 'EXTERNAL');
compatible("networkMode $_", ec2({}, networkMode => $_), 'EC2', 'EXTERNAL')
    for qw(bridge host);
compatible('awsvpc', fargate({}, requiresCompatibilities => undef), 'EC2',
           'FARGATE', 'MANAGED_INSTANCES');
compatible('stopTimeout 121', fargate({ stopTimeout => 121 },
           requiresCompatibilities => undef), 'EC2', 'MANAGED_INSTANCES');
compatible('stopTimeout 121 with EC2', fargate({ stopTimeout => 121 },
           requiresCompatibilities => ['EC2']), 'EC2', 'MANAGED_INSTANCES');
compatible('Windows', fargate({}, cpu => '1024', memory => '2048',
           runtimePlatform => { operatingSystemFamily =>
                                'WINDOWS_SERVER_2022_CORE' }),
           'EC2', 'FARGATE');
not_registered(ec2({}, requiresCompatibilities => ['LAMBDA']),
               qr/^Compatibilities should be one of \[EC2,FARGATE,EXTERNAL/);
not_registered(ec2({}, networkMode => 'awsvpc',
                   requiresCompatibilities => ['EXTERNAL']),
               qr/^External compatible task definitions/);
not_registered(ec2({}, networkMode => 'vpc'),
               'Network mode should be one of [bridge,host,awsvpc,none]');


# Ports.

my $MATCH = 'When networkMode=%s, the host ports and container ports in port'
            . ' mappings must match.';

for my $mode (qw(awsvpc host)) {
    not_registered(ec2({ portMappings => [{ containerPort => 80,
        hostPort => 81 }] }, networkMode => $mode), sprintf $MATCH, $mode);
    is_deeply(registered(ec2({ portMappings => [{ containerPort => 80 }] },
                             networkMode => $mode))
              ->{containerDefinitions}[0]{portMappings},
              [{ containerPort => 80, hostPort => 80, protocol => 'tcp' }],
              "$mode: the host port is the container's");
}

is_deeply(registered(ec2({ portMappings => [
    { containerPort => 53, hostPort => 5353, protocol => 'udp' },
    { containerPort => 80, protocol => 'sctp', name => 'web',
      appProtocol => 'http' }] }))->{containerDefinitions}[0]{portMappings},
    [{ containerPort => 53, hostPort => 5353, protocol => 'udp' },
     { containerPort => 80, hostPort => 0, protocol => 'tcp', name => 'web',
       appProtocol => 'http' }], 'any protocol but udp is tcp');
not_registered(ec2({ portMappings => [$$_[0]] }), $$_[1]) for
    [{}, "Invalid 'containerPort' setting for container 'c'"],
    [{ containerPort => 0 },
     "Invalid 'containerPort' setting for container 'c'"],
    [{ containerPort => 65536 },
     "Invalid 'containerPort' setting for container 'c'"],
    [{ containerPort => 1, hostPort => -1 },
     "Invalid 'hostPort' setting for container 'c'"],
    [{ containerPort => 1, appProtocol => 'x' },
     'Application protocol should be one of [http,http2,grpc]'];


# Dependencies.

sub depends {
    my ($on, $condition) = @_;

    return (dependsOn => [{ containerName => $on, condition => $condition }]);
}

my %check = (healthCheck => { command => ['CMD', 'true'] });
not_registered(@$_) for
    [ec2({ depends('x', 'START') }),
     "Cannot depend on container + 'x' because it does not exist"],
    [with({ depends('d', 'START') }, { depends('c', 'START') }),
     'Container dependsOn contains a cycle'],
    [ec2({ depends('c', 'START') }), 'Container dependsOn contains a cycle'],
    [with({ depends('d', 'HEALTHY') }, {}), 'A dependency container with'
     . ' HEALTHY condition must have health check configured'],
    [with({ depends('d', 'SUCCESS') }, {}), 'A dependency container with'
     . ' SUCCESS or COMPLETE condition cannot be an essential container'],
    [with({ depends('d', 'COMPLETE') }, { essential => $yes }),
     'A dependency container with SUCCESS or COMPLETE condition cannot be an'
     . ' essential container'],
    [with({ depends('d', 'LATER') }, {}), 'Dependency condition should be'
     . ' one of [START,COMPLETE,SUCCESS,HEALTHY]'];
registered(with({ depends('d', 'HEALTHY') }, { %check }), 'HEALTHY');

for my $which (qw(start stop)) {
    not_registered(ec2({ "${which}Timeout" => $_ }), "Granular $which timeout"
                   . " on container 'c' must be at least 2 seconds.")
        for -1, 0, 1;
    is_deeply(registered(ec2({ "${which}Timeout" => 2 }))
              ->{requiresAttributes}, [{ name => $ORDER }],
              "${which}Timeout 2");
}


# Logs, health, limits, secrets, mounts.

sub logs {
    my ($driver, %options) = @_;

    return ec2({ logConfiguration => { logDriver => $driver,
                                       options => \%options } });
}

not_registered(@$_) for
    [logs('awslogs'),
     'Log driver awslogs requires options: awslogs-region, awslogs-group'],
    [logs('awslogs', 'awslogs-group' => 'g'),
     'Log driver awslogs requires options: awslogs-region'],
    [logs('awslogs', 'awslogs-region' => 'r'),
     'Log driver awslogs requires options: awslogs-group'],
    [logs('paper'), qr/^paper is not a valid log driver\. Must be one of \[/],
    [logs('awsfirelens'), qr/^When a container is configured with the/],
    [ec2({ firelensConfiguration => { type => 'fluentbit' } }),
     qr/^When a firelensConfiguration object is specified/],
    [ec2({ ulimits => [{ name => 'nofile', softLimit => 2,
                         hardLimit => 1 }] }),
     'Soft limit exceeds hard limit for ulimit nofile'],
    [ec2({ ulimits => [{ name => 'x', softLimit => 1, hardLimit => 1 }] }),
     qr/^Ulimit name should be one of \[/],
    [ec2({ secrets => [{ name => 's', valueFrom => 'p' }] }),
     'When you are specifying container secrets, you must also specify a'
     . " value for 'executionRoleArn'."],
    [ec2({ environment => [{ name => 's', value => '' }],
           secrets => [{ name => 's', valueFrom => 'p' }] },
         executionRoleArn => $ROLE), qr/^The secret name must be unique/],
    [ec2({ mountPoints => [{ sourceVolume => 'v',
                             containerPath => '/v' }] }),
     "Unknown volume 'v'."],
    [ec2({ volumesFrom => [{ sourceContainer => 'x' }] }),
     "Unknown source container 'x'."],
    [ec2({}, taskRoleArn => 'arn:aws:s3:::x'), 'Role is not valid'],
    [ec2({}, executionRoleArn => 'a b'), 'Role is not valid'];

for (['interval', 4, 301], ['timeout', 1, 61], ['retries', 0, 11],
     ['startPeriod', -1, 301])
{
    my ($member, @bad) = @$_;

    not_registered(ec2({ healthCheck => { command => ['CMD', 'x'],
                                          $member => $_ } }),
                   "Invalid 'healthCheck.$member' setting for container 'c'")
        for @bad;
}

is_deeply(registered(ec2({ %check }))->{containerDefinitions}[0]{healthCheck},
          { command => ['CMD', 'true'], interval => 30, timeout => 5,
            retries => 3 }, 'defaults of a health check');

sub efs {
    my (%more) = @_;

    return ec2({}, volumes => [{ name => 'v', efsVolumeConfiguration =>
                                 { fileSystemId => 'fs-1', %more } }]);
}

not_registered(@$_) for
    [efs(authorizationConfig => { iam => 'ENABLED' }),
     'EFS IAM authorization requires TransitEncryption to be enabled'],
    [efs(transitEncryption => 'ENABLED', rootDirectory => '/x',
         authorizationConfig => { accessPointId => 'fsap-1' }),
     'When using an EFS access point, the root directory must either be set'
     . ' to "/" or be omitted'],
    [ec2({}, volumes => [{ name => 'v' }, { name => 'v' }]),
     'Volume names must be unique within a Task Definition.'],
    [ec2({}, volumes => [{}]), 'Volume.name should not be null or empty.'];
is_deeply(registered(efs())->{compatibilities}, ['EC2'],
          'EFS is not for external instances');


# All that was sent comes back, and nothing else.

my %all = (
    command => ['a', ''], entryPoint => ['b'], cpu => 10, disableNetworking
    => $no, dnsServers => ['1.2.3.4'], dockerLabels => { 'a.b' => 'c' },
    environment => [{ name => 'E', value => '' }],
    environmentFiles => [{ type => 's3', value => 'arn:aws:s3:::b/x.env' }],
    extraHosts => [{ hostname => 'h', ipAddress => '10.0.0.1' }],
    hostname => 'host', interactive => $yes, pseudoTerminal => $yes,
    linuxParameters => { capabilities => { add => ['SYS_PTRACE'] },
                         initProcessEnabled => $yes },
    logConfiguration => { logDriver => 'json-file',
                          options => { 'max-size' => '1m' } },
    memory => 128, memoryReservation => 64,
    mountPoints => [{ sourceVolume => 'v', containerPath => '/v',
                      readOnly => $yes }],
    portMappings => [{ containerPort => 80, hostPort => 0,
                       protocol => 'tcp' }],
    readonlyRootFilesystem => $yes,
    repositoryCredentials => { credentialsParameter => 'arn:aws:x' },
    resourceRequirements => [{ type => 'GPU', value => '1' }],
    restartPolicy => { enabled => $yes, ignoredExitCodes => [0],
                       restartAttemptPeriod => 60 },
    secrets => [{ name => 'S', valueFrom => 'p' }],
    systemControls => [{ namespace => 'net.core.somaxconn', value => '9' }],
    ulimits => [{ name => 'nofile', softLimit => 1, hardLimit => 2 }],
    user => '1:2', workingDirectory => '/w', versionConsistency => 'disabled',
    name => 'c', image => 'i', essential => $yes, volumesFrom => [],
    privileged => $no, startTimeout => 5, stopTimeout => 6,
);
my $got = registered({ family => 'all', containerDefinitions => [\%all],
    executionRoleArn => $ROLE, taskRoleArn => 'short', networkMode =>
    'bridge', pidMode => 'task', ipcMode => 'none',
    enableFaultInjection => $yes, placementConstraints =>
    [{ type => 'memberOf', expression => 'attribute:x == y' }],
    proxyConfiguration => { type => 'APPMESH', containerName => 'c',
                            properties => [{ name => 'n', value => 'v' }] },
    volumes => [{ name => 'v', host => {} }] });
is_like($got->{containerDefinitions}[0], \%all, 'a container, whole');
is($got->{taskRoleArn}, 'short', 'a role by its name');
is_deeply($got->{volumes}, [{ name => 'v', host => {} }],
          'an empty structure stays');
ok($got->{enableFaultInjection}, 'enableFaultInjection');
is($got->{proxyConfiguration}{properties}[0]{value}, 'v', 'proxy');
is_like(ok_api('DescribeTaskDefinition', { taskDefinition => 'all' })
        ->{taskDefinition}, $got, 'described as it was answered');

$got = registered(ec2({ dockerLabels => { ü => "\x{1F600}\n\"\\" },
                        command => ["\x{7f}\t"] }, taskRoleArn => '',
                      executionRoleArn => ''), 'empty roles');
ok(!exists $got->{taskRoleArn} && !exists $got->{executionRoleArn},
   'an empty role is none');
is($got->{containerDefinitions}[0]{dockerLabels}{ü}, "\x{1F600}\n\"\\",
   'Unicode and escapes');
$got = registered(ec2({ name => 'c', made_up => 1, cpu => undef },
                      unknown => { a => [1] }), 'unknown members');
ok(!exists $got->{unknown} && !exists $got->{containerDefinitions}[0]{made_up},
   'are ignored');

# fabfuel/ecs-deploy and the GitHub action send a description back.

my %back = %{ registered(fargate({}), 'for sending back') };
delete @back{qw(compatibilities registeredAt registeredBy requiresAttributes
                revision status taskDefinitionArn)};
is_deeply([ sort keys %back ], [qw(containerDefinitions cpu family memory
          networkMode placementConstraints requiresCompatibilities volumes)],
          'a description has only members that can be sent');
my $again = registered(\%back, 'sent back');
is_like({ map { ($_ => $again->{$_}) } keys %back }, \%back,
        'makes the same definition');

not_registered(ec2({ environment => [map { +{ name => "E$_",
               value => 'x' x 1000 } } 1 .. 70] }),
               qr/^Actual length: '\d+'. Max allowed length is '65536' byt/);
refused('RegisterTaskDefinition', { family => 'f', containerDefinitions =>
        $$_[0] }, 'SerializationException', $$_[1]) for
    [{}, 'Start of structure or map found where not expected'],
    [['x'], 'Unexpected field type'],
    [[{ name => 1 }], 'NUMBER_VALUE cannot be converted to String'],
    [[{ memory => '64' }], 'STRING_VALUE cannot be converted to Integer'],
    [[{ memory => 1.5 }], 'DECIMAL_VALUE cannot be converted to Integer'],
    [[{ essential => 'true' }], 'Unexpected token received from parser'];


# Revisions, names and lists.

$t->reload;
my $n = registered({ %back, family => 'r' })->{revision};
is($n, 1, 'a new family begins with 1');
registered({ %back, family => 'r' }) for 2 .. 11;
ok_api('DeregisterTaskDefinition', { taskDefinition => "r:$_" }) for 1 .. 11;
is(registered({ %back, family => 'r' })->{revision}, 12,
   'numbers do not come again');
ok_api('DeregisterTaskDefinition', { taskDefinition => 'r:12' });
refused('DescribeTaskDefinition', { taskDefinition => 'r' },
        'ClientException', 'Unable to describe task definition.');
is_deeply([ map { m{:(\d+)$} } @{ ok_api('ListTaskDefinitions',
          { familyPrefix => 'r', status => 'INACTIVE' })
          ->{taskDefinitionArns} } ], [1 .. 12],
          'ordered by number, not by text');
is_deeply([ map { m{:(\d+)$} } @{ ok_api('ListTaskDefinitions',
          { familyPrefix => 'r', status => 'INACTIVE', sort => 'DESC' })
          ->{taskDefinitionArns} } ], [reverse 1 .. 12], 'DESC');
is_deeply(ok_api('ListTaskDefinitions', { familyPrefix => 'r' }),
          { taskDefinitionArns => [] }, 'ACTIVE is the default');
is_deeply(ok_api('ListTaskDefinitions', { familyPrefix => 'al' }),
          { taskDefinitionArns => [] }, 'familyPrefix is a whole family');
is_deeply(ok_api('ListTaskDefinitions', { status => 'DELETE_IN_PROGRESS' }),
          { taskDefinitionArns => [] }, 'DELETE_IN_PROGRESS');

sub families { ok_api('ListTaskDefinitionFamilies', { @_ })->{families} }

is_deeply(families(), [qw(all constraints f main r sleeper ten)],
          'families of any status');
is_deeply(families(status => 'ALL', familyPrefix => 'm'), ['main'],
          'a true prefix');
is_deeply(families(status => 'INACTIVE'), ['r'],
          'INACTIVE: without an ACTIVE revision');
ok(!grep({ $_ eq 'r' } @{ families(status => 'ACTIVE') }), 'ACTIVE');
refused($$_[0], $$_[1], 'InvalidParameterException', $$_[2]) for
    ['ListTaskDefinitions', { status => 'x' },
     'status should be one of [ACTIVE,INACTIVE,DELETE_IN_PROGRESS]'],
    ['ListTaskDefinitions', { sort => 'x' },
     'sort should be one of [ASC,DESC]'],
    ['ListTaskDefinitionFamilies', { status => 'x' },
     'status should be one of [ACTIVE,INACTIVE,ALL]'];

for my $id ('main', 'main:1', account_arn("${SCOPE}main"),
            account_arn("${SCOPE}main:1"))
{
    is(ok_api('DescribeTaskDefinition', { taskDefinition => $id })
       ->{taskDefinition}{revision}, 1, "named $id");
}

my $UNABLE = 'Unable to describe task definition.';
my $GONE = 'The specified task definition does not exist.';
my $NUMBER = 'Invalid task definition: Invalid revision number.';
my $elsewhere = account_arn("${SCOPE}main:1", region => 'eu-west-1');
my $theirs = account_arn("${SCOPE}main:1", account => '111122223333');

refused('DescribeTaskDefinition', { taskDefinition => $$_[0] }, $$_[1],
        $$_[2]) for
    [$elsewhere, 'ClientException', $UNABLE],
    [$theirs, 'ClientException', $UNABLE],
    ['main:0', 'InvalidParameterException', $NUMBER],
    ['main:-1', 'InvalidParameterException', $NUMBER],
    ['main:1:1', 'InvalidParameterException', $NUMBER],
    ['main:99999999999', 'InvalidParameterException', $NUMBER],
    ['main:latest', 'InvalidParameterException', $NUMBER],
    ['main:', 'InvalidParameterException', $NUMBER],
    ['a b', 'ClientException', $UNABLE],
    ['', 'ClientException', 'TaskDefinition cannot be empty.'],
    [account_arn('service/main:1'), 'ClientException', 'Invalid arn syntax.'],
    ['arn:aws:ecs', 'ClientException', 'Invalid arn syntax.'];
refused('DeregisterTaskDefinition', { taskDefinition => $$_[0] }, $$_[1],
        $$_[2]) for
    ['main:99', 'ClientException', $GONE],
    [$elsewhere, 'ClientException', $GONE],
    [account_arn("${SCOPE}main"), 'InvalidParameterException',
     'Revision is missing'],
    ['main:x', 'InvalidParameterException', $NUMBER];
refused('DescribeTaskDefinition', {}, 'ClientException',
        'TaskDefinition cannot be empty.');

$got = registered({ %back, family => 'main' });
is($got->{revision}, 3, 'this account');
$got = ok_api('RegisterTaskDefinition', { %back, family => 'main' },
              key => '111122223333')->{taskDefinition};
is($got->{revision}, 1, 'another account has its own numbers');
is($got->{taskDefinitionArn}, $theirs, 'and ARNs');
is($got->{registeredBy}, 'arn:aws:iam::111122223333:root', 'and callers');
is_deeply(ok_api('ListTaskDefinitionFamilies', {}, key => '111122223333'),
          { families => ['main'] }, 'and families');

$t->done;
