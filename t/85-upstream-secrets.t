#!/usr/bin/perl

# Secrets from the upstream on a real cluster: containers get their values,
# nothing else shows them, and what held them is gone with the task.

use strict;
use warnings;

use Test::More;
use JSON::PP ();
use Kecs;
use KecsCluster;
use KecsTasks;
use KecsUp;
use KecsUpstream;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $VALUE = 'v4lue-never-to-be-seen';
my $HOST = "$VALUE-host \$(HOME) \"'\n-";
my $SM = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf';
my $aws = KecsUpstream->new($cluster->prefix,
    parameters => { '/db/host' => $HOST },
    secrets => { $SM => {
        AWSCURRENT => qq({"user":"$VALUE","port":5432}),
        AWSPREVIOUS => "$VALUE-before",
    }, login => { AWSCURRENT => qq({"username":"u","password":"$VALUE"}) } });
my $t = KecsTasks->new($cluster, env => $aws->env, flags => [ $aws->flags,
    '--log-level', 'debug' ]);
my $k = $t->k;
my @role = (qw(--execution-role-arn arn:aws:iam::000000000000:role/run));

sub sh { return (entryPoint => [ 'sh', '-c' ], command => [ $_[0] ]) }

sub secret {
    my ($arn) = @_;
    my ($status, $text) = $cluster->kubectl('get', 'secret',
        KecsTasks::pod_name($arn), '-o', 'json');
    return $status == 0 ? JSON::PP->new->utf8->decode($text) : undef;
}

sub gone {
    my ($name, $arn) = @_;
    KecsUp::wait_for('the Secret to be gone', sub { !secret($arn) });
    pass("$name: its Secret is gone");
}


# A task that is given its values, and has a login.

$t->definition('app', [
    { name => 'app', stopTimeout => 2,
      sh('test "$(printf %s "$HOST" | wc -c)" = ' . length($HOST)
        . ' && test "$USER-before" = "$OLD" && test "$PORT" = 5432'
        . ' && test "${ALL%user*}" = "{\"" && exec sleep 600'),
      repositoryCredentials => { credentialsParameter => 'login' },
      secrets => [ { name => 'HOST', valueFrom => '/db/host' },
          { name => 'USER', valueFrom => "$SM:user::" },
          { name => 'PORT', valueFrom => "$SM:port::" },
          { name => 'ALL', valueFrom => $SM },
          { name => 'OLD', valueFrom => "$SM\::AWSPREVIOUS:" } ] } ], @role);
my $arn = $t->run('app');
my $task = $t->wait_status('RUNNING', $arn);
is($task->{lastStatus}, 'RUNNING', 'the container has all values');

my $secret = secret($arn);
is($secret->{type}, 'kubernetes.io/dockerconfigjson', 'a Secret of the pod');
ok($secret->{immutable}, 'it is immutable');
my $pod = $t->pod($arn);
KecsUp::wait_for('the Secret to be given to its pod', sub {
    my $owner = secret($arn)->{metadata}{ownerReferences};
    $owner && $owner->[0]{uid} eq $pod->{metadata}{uid} });
pass('it goes with the pod');
is_deeply($pod->{spec}{imagePullSecrets},
    [ { name => KecsTasks::pod_name($arn) } ], 'and logs in to the registry');

# No value is anywhere else.

my %shown = (
    pod => JSON::PP->new->encode($pod),
    events => ($cluster->kubectl(qw(get events -o json)))[1],
    logs => $t->logs($arn, 'app'),
    DescribeTasks => JSON::PP->new->encode($t->task($arn)),
    'what is printed' => $k->output,
);

for my $file (qw(data.mdb error.log reconciler.status)) {
    open my $f, '<:raw', "$k->{data}/$file" or die "$file: $!\n";
    local $/;
    $shown{$file} = <$f>;
}

for my $what (sort keys %shown) {
    ok(index($shown{$what}, 'v4lue') < 0, "no value in $what");
}
ok(length $shown{'data.mdb'} > 10000, 'the store was looked at');

$t->stop($arn);
gone('a task that was stopped', $arn);


# A task that ends while nobody looks.

$arn = $t->run('app');
$t->wait_status('RUNNING', $arn);
KecsUp::wait_for('the Secret to be given to its pod', sub {
    secret($arn)->{metadata}{ownerReferences} });
$k->stop;
is(($cluster->kubectl(qw(delete pod --wait=false --grace-period=1),
    KecsTasks::pod_name($arn)))[0], 0, 'its pod is deleted');
$k->start;
$t->wait_status('STOPPED', $arn);
gone('a task that ended while nobody looked', $arn);


# Environment files: what the container has otherwise counts more.

$aws->tell(objects => { 'conf/app.env' => "# comment\nFILE=$VALUE \"q\"\n"
        . "OWN=file\nBOTH=first\n", 'conf/base.env' => "BOTH=second\n" });
$t->definition('files', [ { name => 'app', stopTimeout => 2,
    sh('test "$(printf %s "$FILE" | wc -c)" = ' . length(qq($VALUE "q"))
        . ' && test "${FILE#* }" = \'"q"\' && test $OWN = own'
        . ' && test $BOTH = first && exec sleep 600'),
    environment => [ { name => 'OWN', value => 'own' } ],
    environmentFiles => [ map { { type => 's3',
        value => "arn:aws:s3:::conf/$_.env" } } qw(app base) ] } ], @role);
$arn = $t->run('files');
is($t->wait_status('RUNNING', $arn)->{lastStatus}, 'RUNNING',
    'the container has the variables of its files');
ok(index(JSON::PP->new->encode($t->pod($arn)), 'v4lue') < 0,
    'the pod shows no value of them');
$t->stop($arn);
gone('a task with environment files', $arn);


# A task that fails: the key is not there.

$t->definition('no-key', [ { name => 'app', sh('exit 0'),
    secrets => [ { name => 'PW', valueFrom => "$SM:nope::" } ] } ], @role);
$arn = $t->run('no-key');
$task = $t->wait_status('STOPPED', $arn);
is($task->{stopCode}, 'TaskFailedToStart', 'a key that is not there');
like($task->{stoppedReason}, qr/did not contain json key nope$/, 'the reason');
ok(!secret($arn), 'no Secret was made');

$k->final_checks;
$k->stop;
$k->kecs('down', '--runtime', 'kubernetes', '--kubeconfig',
    $cluster->{kubeconfig}, '--namespace', $cluster->{namespace});
is(scalar @{ $cluster->get('pods')->{items} }, 0, 'nothing is left');
is(scalar @{ $cluster->get('secrets')->{items} }, 0, 'and no Secret');

done_testing();
