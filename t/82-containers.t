#!/usr/bin/perl
# What task definitions ask of their containers, on a real cluster: the
# order of their start, secrets.

use strict;
use warnings;

use Test::More;
use KecsCluster;
use KecsTasks;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $t = KecsTasks->new($cluster,
    sets => ['volume-classes=gp3:kecs-test-ssd', 'firelens-logs=' . $cluster->{dir} . '/node-1/logs']);
my $k = $t->k;

sub sh { return (entryPoint => [ 'sh', '-c' ], command => [ $_[0] ]) }

# A folder that the containers of a task share.
my @shared = (mountPoints => [ { sourceVolume => 's',
    containerPath => '/s' } ]);
my @role = (qw(--execution-role-arn arn:aws:iam::000000000000:role/run));
my @volume = ('--volumes', '[{"name":"s"}]');

# SUCCESS: a step before the application, and what it needs beside it

$t->definition('steps', [
    { name => 'app', @shared, sh('cat /s/out; test "$(cat /s/out)" ='
        . ' "db migrated" && exit 9'),
      dependsOn => [ { containerName => 'migrate',
          condition => 'SUCCESS' } ] },
    { name => 'migrate', @shared, essential => \0,
      sh('test -f /s/healthy && echo "$(cat /s/db) migrated" > /s/out'),
      dependsOn => [ { containerName => 'db', condition => 'HEALTHY' } ] },
    { name => 'db', @shared, essential => \0,
      healthCheck => { command => [ 'CMD-SHELL', 'test -f /s/healthy' ],
          interval => 5 },
      sh('printf db > /s/db; sleep 3; touch /s/healthy; exec sleep 600') },
], @volume);

my $arn = $t->run('steps');
my $task = $t->wait_status('STOPPED', $arn);
is(KecsTasks::container($task, 'app')->{exitCode}, 9,
    'the application ran after the step, the step beside the database');
is(KecsTasks::container($task, 'migrate')->{exitCode}, 0, 'the step ended');
is($task->{stopCode}, 'EssentialContainerExited', 'stop code');

# SUCCESS that does not come

$t->definition('failing-step', [
    { name => 'app', sh('exit 0'),
      dependsOn => [ { containerName => 'step', condition => 'SUCCESS' } ] },
    { name => 'step', essential => \0, sh('exit 3') } ]);
$task = $t->wait_status('STOPPED', $t->run('failing-step'));
is($task->{stopCode}, 'TaskFailedToStart', 'a step that fails');
is($task->{stoppedReason}, 'CannotStartContainerError: dependency graph:'
    . ' failed to resolve container ordering dependency [step] for target'
    . ' [app] as dependency did not exit successfully.', 'its reason');
is(KecsTasks::container($task, 'step')->{exitCode}, 3, 'its exit code');
is(KecsTasks::container($task, 'app')->{exitCode}, 143,
    'the code of what never ran');

# HEALTHY of an essential container; START

$t->definition('healthy', [
    { name => 'late', sh('exec sleep 600'),
      dependsOn => [ { containerName => 'app', condition => 'START' } ] },
    { name => 'app', @shared, sh('test -f /s/healthy && exec sleep 600'),
      dependsOn => [ { containerName => 'db', condition => 'HEALTHY' } ] },
    { name => 'db', @shared,
      healthCheck => { command => [ 'CMD', 'test', '-f', '/s/healthy' ],
          interval => 5 },
      sh('sleep 3; touch /s/healthy; exec sleep 600') },
], @volume);
$arn = $t->run('healthy');
$task = $t->wait_status('RUNNING', $arn);
is(scalar(grep { $_->{lastStatus} eq 'RUNNING' } @{ $task->{containers} }),
    3, 'all run, the one that waited last');
$t->wait_for('the database to be healthy', $arn, sub {
    KecsTasks::container($_, 'db')->{healthStatus} eq 'HEALTHY' });
pass('and the health of the one that was waited for is shown');
$task = $t->stop($arn);
is($task->{stopCode}, 'UserInitiated', 'it can be stopped');

# HEALTHY that never comes: the task stays PENDING and can be stopped

$t->definition('unhealthy', [
    { name => 'app', sh('exec sleep 600'),
      dependsOn => [ { containerName => 'db', condition => 'HEALTHY' } ] },
    { name => 'db', stopTimeout => 2,
      healthCheck => { command => [ 'CMD', 'false' ], interval => 5 },
      sh('exec sleep 600') } ]);
$arn = $t->run('unhealthy');
$t->wait_status('PENDING', $arn);
$t->wait_for('the database to start', $arn, sub {
    KecsTasks::container($_, 'db')->{lastStatus} eq 'RUNNING' });
is($t->task($arn)->{lastStatus}, 'PENDING', 'it waits');
$task = $t->stop($arn);
is($task->{stopCode}, 'UserInitiated', 'and can be stopped');

# secrets

my ($status, $text) = $cluster->kubectl(qw(create secret generic
    prod-db-abcdef --from-literal=password=s3cret));
is($status, 0, 'a Secret') or diag($text);
$t->definition('secret', [ { name => 'app',
    sh('test "$PW" = s3cret && exit 8'),
    secrets => [ { name => 'PW', valueFrom => 'arn:aws:secretsmanager:'
        . 'us-east-1:000000000000:secret:prod/db-AbCdEf:password::' } ] } ], @role);
$arn = $t->run('secret');
unlike($k->aws(qw(describe-task-definition --task-definition secret))
    ->{taskDefinition}{containerDefinitions}[0]{secrets}[0]{valueFrom},
    qr/s3cret/, 'the reference is no value');
$task = $t->wait_status('STOPPED', $arn);
is(KecsTasks::container($task, 'app')->{exitCode}, 8,
    'the container has the value of the Secret');

# an environment file that nobody fetches: a Secret of its name

($status, $text) = $cluster->kubectl(qw(create secret generic
    conf-prod-app-env --from-literal=FILE=kept --from-literal=OWN=file));
is($status, 0, 'a Secret') or diag($text);
$t->definition('env-file', [ { name => 'app',
    sh('test "$FILE$OWN" = keptown && exit 8'),
    environment => [ { name => 'OWN', value => 'own' } ],
    environmentFiles => [ { type => 's3',
        value => 'arn:aws:s3:::conf/prod/app.env' } ] } ], @role);
$task = $t->wait_status('STOPPED', $t->run('env-file'));
is(KecsTasks::container($task, 'app')->{exitCode}, 8,
    'the container has its variables');

$t->definition('no-secret', [ { name => 'app', sh('exit 0'),
    secrets => [ { name => 'PW', valueFrom => '/no/such' } ] } ], @role);
$task = $t->wait_status('STOPPED', $t->run('no-secret'));
is($task->{stopCode}, 'TaskFailedToStart', 'a secret that is not there');
is($task->{stoppedReason}, 'ResourceInitializationError: unable to pull'
    . ' secrets or registry auth: secret "no-such" not found',
    'its reason names it');

# a file system: a claim of its name

sub apply {
    my ($file, $text) = ("$k->{temp}/objects.json", @_);
    open my $f, '>', $file or die "$file: $!\n";
    print $f $text;
    close $f;
    my ($status, $out) = $cluster->kubectl('apply', '-f', $file);
    is($status, 0, 'objects') or diag($out);
}

my %claim = (accessModes => ['ReadWriteMany'], storageClassName => '',
             resources => { requests => { storage => '1Mi' } });
apply(JSON::PP::encode_json({ apiVersion => 'v1', kind => 'List', items => [
    { apiVersion => 'v1', kind => 'PersistentVolume',
      metadata => { name => 'kecs-test-efs' },
      spec => { accessModes => ['ReadWriteMany'], storageClassName => '',
          capacity => { storage => '1Mi' },
          hostPath => { path => "$k->{temp}/efs",
                        type => 'DirectoryOrCreate' },
          claimRef => { name => 'fs-0123abcd',
                        namespace => $cluster->{namespace} } } },
    { apiVersion => 'v1', kind => 'PersistentVolumeClaim',
      metadata => { name => 'fs-0123abcd',
                    namespace => $cluster->{namespace} },
      spec => { %claim, volumeName => 'kecs-test-efs' } } ] }));

sub efs {
    my ($family, $id, $command) = @_;
    $t->definition($family, [ { name => 'app', sh($command),
        mountPoints => [ { sourceVolume => 'efs',
                           containerPath => '/efs' } ] } ], '--volumes',
        JSON::PP::encode_json([ { name => 'efs', efsVolumeConfiguration => {
            fileSystemId => $id, rootDirectory => '/data' } } ]));
    return $t->wait_status('STOPPED', $t->run($family));
}

efs('efs-write', 'fs-0123abcd', 'echo kept > /efs/file');
$task = efs('efs-read', 'fs-0123abcd', 'test "$(cat /efs/file)" = kept'
    . ' && exit 5');
is(KecsTasks::container($task, 'app')->{exitCode}, 5,
    'what one task wrote the next one reads');
$task = efs('efs-none', 'fs-none', 'exit 0');
is($task->{stopCode}, 'TaskFailedToStart', 'no such file system');
like($task->{stoppedReason}, qr/^ResourceInitializationError:.*"fs-none"/,
    'its reason names it');

# a log router: it has its configuration, and reads what the others print

$t->definition('firelens', [
    { name => 'app', sh('echo "printed by $FLUENT_HOST:$FLUENT_PORT";'
        . ' exec sleep 600'), stopTimeout => 2,
      logConfiguration => { logDriver => 'awsfirelens',
          options => { Name => 'stdout' } } },
    { name => 'router', firelensConfiguration => { type => 'fluentbit' },
      sh('grep -q "Match app-firelens" /fluent-bit/etc/fluent-bit.conf'
          . ' && touch /var/run/x || exit 1;'
          . ' until grep -q "printed by 127.0.0.1:24224"'
          . ' /var/log/firelens/app/*.log; do sleep 1; done;'
          . ' test "$(ls /var/log/firelens | wc -l)" = 2 && exit 6') } ]);
$task = $t->wait_status('STOPPED', $t->run('firelens',
    '--placement-constraints', 'type=memberOf,expression="attribute:'
    . 'ecs.availability-zone == us-east-1a"'));
is(KecsTasks::container($task, 'router')->{exitCode}, 6,
    'a log router has its configuration and the logs of its task');

# an init process: the container's own is not number 1

$t->definition('init', [ { name => 'app', sh('test $$ != 1 && exit 7'),
    linuxParameters => { initProcessEnabled => \1 } } ]);
$task = $t->wait_status('STOPPED', $t->run('init'));
is(KecsTasks::container($task, 'app')->{exitCode}, 7, 'an init process');

# volumes configured at launch: one that goes with its task, one that stays

apply(JSON::PP::encode_json({ apiVersion => 'v1', kind => 'List', items => [
    { apiVersion => 'storage.k8s.io/v1', kind => 'StorageClass',
      metadata => { name => 'kecs-test-ssd' },
      provisioner => 'kubernetes.io/no-provisioner',
      volumeBindingMode => 'WaitForFirstConsumer' },
    map { { apiVersion => 'v1', kind => 'PersistentVolume',
      metadata => { name => "kecs-test-ebs-$_" },
      spec => { accessModes => ['ReadWriteOnce'],
          storageClassName => 'kecs-test-ssd',
          persistentVolumeReclaimPolicy => 'Retain',
          capacity => { storage => '2Gi' },
          hostPath => { path => "$k->{temp}/ebs-$_",
                        type => 'DirectoryOrCreate' } } } } 1, 2 ] }));
$t->definition('ebs', [ { name => 'app', sh('echo kept > /data/file;'
    . ' exec sleep 600'), mountPoints => [ { sourceVolume => 'data',
        containerPath => '/data' } ] } ], '--volumes',
    '[{"name":"data","configuredAtLaunch":true}]');

sub ebs {
    my (%more) = @_;
    return $t->run('ebs', '--volume-configurations', JSON::PP::encode_json(
        [ { name => 'data', managedEBSVolume => { sizeInGiB => 2,
            roleArn => 'arn:aws:iam::000000000000:role/ebs', %more } } ]));
}

sub claims {
    return @{ $cluster->get('pvc', '-l', 'ecs/volume=data')->{items} };
}

$arn = ebs(tagSpecifications => [ { resourceType => 'volume',
    tags => [ { key => 'team', value => 'a b' } ] } ]);
$task = $t->wait_status('RUNNING', $arn);
my ($ebs) = grep { $_->{type} eq 'AmazonElasticBlockStorage' }
    @{ $task->{attachments} };
my %detail = map { ($_->{name} => $_->{value}) } @{ $ebs->{details} };
my ($claim) = claims();
is($ebs->{status}, 'ATTACHED', 'a volume configured at launch is attached');
is($claim->{metadata}{labels}{'ecs/volume-id'}, $detail{volumeId},
    'its claim has its id');
is($claim->{spec}{storageClassName}, 'kecs-test-ssd',
    'and the storage class of its type');
is($claim->{spec}{resources}{requests}{storage}, '2Gi', 'its size');
is($claim->{metadata}{annotations}{'ecs/tags'}, '{"team":"a b"}',
    'its tags');
$t->stop($arn);
KecsUp::wait_for('the claim to go with the task', sub { !claims() }, 60);

$arn = ebs(terminationPolicy => { deleteOnTermination => \0 });
$t->wait_status('RUNNING', $arn);
$t->stop($arn);
KecsUp::wait_for('the pod to be gone', sub {
    !grep { $_->{metadata}{name} eq KecsTasks::pod_name($arn) }
        @{ $cluster->get('pods')->{items} } }, 60);
($claim) = claims();
is($claim->{metadata}{name}, KecsTasks::pod_name($arn) . '-data',
    'the claim of a volume that is kept stays');
is($claim->{status}{phase}, 'Bound', 'with its volume');
my ($n) = $claim->{spec}{volumeName} =~ /^kecs-test-ebs-([12])$/;
open my $kept, '<', "$k->{temp}/ebs-$n/file" or die "the file: $!\n";
is(<$kept>, "kept\n", 'and what the task wrote');

$k->final_checks;
$k->stop;
$k->kecs('down', '--runtime', 'kubernetes', '--kubeconfig',
    $cluster->{kubeconfig}, '--namespace', $cluster->{namespace});
is(scalar @{ $cluster->get('pods')->{items} }, 0, 'nothing is left');

done_testing();
