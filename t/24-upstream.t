#!/usr/bin/perl

# What tasks need of other AWS services, through a configured upstream, with
# simulated containers: calls are signed so that botocore agrees, values are
# asked for in as few calls as can be, what passes is tried again, and what
# does not ends the task with a reason in the words of ECS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi qw(api_start ok_api wait_api $t);
use KecsUpstream;
use Test::More;

my $SM = 'arn:aws:secretsmanager:eu-west-1:000000000000:secret';
my $PREFIX = 'ResourceInitializationError: unable to pull secrets or registry'
    . ' auth: execution resource retrieval failed: unable to';
my $VALUE = 'v4lue-never-to-be-seen';

my $aws = KecsUpstream->new([],
    parameters => {
        (map { ("/p/$_" => "$VALUE-$_") } 1 .. 12),
        'arn:aws:ssm:us-west-2:000000000000:parameter/far' => $VALUE,
    },
    secrets => {
        "$SM:db-AbCdEf" => {
            AWSCURRENT => qq({"user":"$VALUE","port":5432,"tls":true}),
            AWSPREVIOUS => $VALUE,
            'v-1' => $VALUE,
        },
        "$SM:text-AbCdEf" => { AWSCURRENT => "$VALUE, no JSON" },
        "$SM:login-AbCdEf" => {
            AWSCURRENT => qq({"username":"u","password":"$VALUE"}) },
        'login' => { AWSCURRENT => qq({"username":"u"}) },
    },
);

api_start(workers => 1, env => $aws->env, reconciler => [
    $aws->flags, '--simulated-start', '50ms', '--simulated-stop', '50ms',
    '--upstream-backoff', '20ms', '--upstream-patience', '5m',
    '--log-level', 'debug',
]);

ok_api('CreateCluster', {});

my $n = 0;

# Runs a task with secrets and answers it as it is when `status` is reached.
sub run {
    my ($status, $secrets, %more) = @_;

    my $family = 'f' . $n++;
    my $i = 0;
    ok_api('RegisterTaskDefinition', { family => $family,
        executionRoleArn => 'arn:aws:iam::000000000000:role/run',
        containerDefinitions => [ { name => 'c', image => 'i', memory => 64,
            secrets => [ map { { name => 'S' . $i++, valueFrom => $_ } }
                         @$secrets ], %more } ] });
    my $arn = ok_api('RunTask', { taskDefinition => $family })
        ->{tasks}[0]{taskArn};

    return wait_task($arn, $status, "the task of $family is $status");
}

sub wait_task {
    my ($arn, $status, $name) = @_;

    return wait_api('DescribeTasks', { tasks => [$arn] }, $name,
        sub { $_[0]{tasks}[0]{lastStatus} eq $status })->{tasks}[0];
}

sub fails {
    my ($name, $secrets, $reason, %more) = @_;

    my $task = run('STOPPED', $secrets, %more);
    is($task->{stopCode}, 'TaskFailedToStart', "$name: stop code");
    is($task->{stoppedReason}, "$PREFIX $reason", "$name: reason");
    unlike(Kecs->json->encode($task), qr/v4lue/, "$name: no value");
}


# Parameters: ten in one call, by their region, each asked for once.

run('RUNNING', [ (map { "/p/$_" } 1 .. 12), '/p/1',
    'arn:aws:ssm:us-west-2:000000000000:parameter/far' ]);
my @calls = $aws->calls('AmazonSSM.GetParameters');
is_deeply([ sort map { $_->{scope}[2] . ' '
                       . @{ Kecs->json->decode($_->{body})->{Names} } }
            @calls ],
    [ 'us-east-1 10', 'us-east-1 2', 'us-west-2 1' ],
    'parameters are asked for ten at a time, where they are');
is($_->{scope}[3], 'ssm', 'signed for ssm') for @calls;
is($_->{scope}[0], 'AKIDTEST', 'with the key of the environment') for @calls;


# Secrets: once for all keys of a version, in the region of the ARN.

run('RUNNING', [ "$SM:db-AbCdEf:user::", "$SM:db-AbCdEf:port::",
    "$SM:db-AbCdEf:tls::", "$SM:db-AbCdEf", "$SM:db-AbCdEf::AWSPREVIOUS:",
    "$SM:db-AbCdEf:::v-1" ]);
@calls = $aws->calls('secretsmanager.GetSecretValue');
is_deeply([ sort map { $_->{body} } @calls ], [
    qq({"SecretId":"$SM:db-AbCdEf","VersionId":"v-1"}),
    qq({"SecretId":"$SM:db-AbCdEf","VersionStage":"AWSPREVIOUS"}),
    qq({"SecretId":"$SM:db-AbCdEf"}),
], 'a version is asked for once');
is($_->{scope}[2], 'eu-west-1', 'signed for the region') for @calls;


# Logins to registries.

run('RUNNING', [], repositoryCredentials =>
    { credentialsParameter => "$SM:login-AbCdEf" });
is(scalar $aws->calls('secretsmanager.GetSecretValue'), 4, 'a login');
fails('a login without password', [], 'get registry auth from asm: service'
    . ' call has been retried 1 time(s): retrieved secret from Secrets'
    . ' Manager did not contain json key password',
    repositoryCredentials => { credentialsParameter => 'login' });


# Environment files: each asked for once, in the region of the task.

$aws->tell(objects => { 'conf/a b+/app.env' => "# c\nA=$VALUE\n",
                        'conf/base.env' => "A=$VALUE\r\nB=1",
                        'conf/bytes.env' => "A=\x{0}" });

sub files {
    return (environmentFiles => [ map { { type => 's3',
        value => "arn:aws:s3:::conf/$_" } } @_ ]);
}

run('RUNNING', [], files('a b+/app.env', 'base.env', 'base.env'));
@calls = $aws->calls('s3.GetObject');
is_deeply([ sort map { $_->{path} } @calls ],
    [ '/conf/a%20b%2B/app.env', '/conf/base.env' ],
    'environment files are asked for once');
is($_->{scope}[3], 's3', 'signed for s3') for @calls;

for ([ 'no file', 'none.env', 'service call has been retried 1 time(s):'
           . ' operation error S3: GetObject, https response error'
           . ' StatusCode: 404, api error NoSuchKey: The specified key does'
           . ' not exist.' ],
     [ 'a file that is no text', 'bytes.env', 'service call has been retried'
           . ' 1 time(s): the file is no text in UTF-8' ])
{
    my ($name, $file, $why) = @$_;
    my $task = run('STOPPED', [], files('base.env', $file));
    is($task->{stopCode}, 'TaskFailedToStart', "$name: stop code");
    is($task->{stoppedReason}, 'ResourceInitializationError: failed to'
        . " download env files: $why", "$name: reason");
}


# What does not end well.

fails('no parameter', ['/p/1', '/no'], 'retrieve secrets from ssm: service'
    . ' call has been retried 1 time(s): invalid ssm parameters: /no');
fails('no secret', ["$SM:no-AbCdEf"], 'retrieve secret from asm: service'
    . " call has been retried 1 time(s): failed to fetch secret $SM:no-AbCdEf"
    . ' from secrets manager: ResourceNotFoundException: Secrets Manager'
    . " can't find the specified secret.");
fails('no such key', ["$SM:db-AbCdEf:nope::"], 'retrieve secret from asm:'
    . ' service call has been retried 1 time(s): retrieved secret from'
    . ' Secrets Manager did not contain json key nope');
fails('a key of no JSON', ["$SM:text-AbCdEf:user::"], 'retrieve secret from'
    . ' asm: service call has been retried 1 time(s): retrieved secret from'
    . ' Secrets Manager is not JSON, but a json key is asked for');
fails('no region', ['arn:aws:ssm:evil.example/:000000000000:parameter/far'],
    'retrieve secrets from ssm: service call has been retried 1 time(s):'
    . ' RequestError: send request failed caused by: its ARN names no'
    . ' region');


# What passes is tried again.

$aws->tell(fail => { 'AmazonSSM.GetParameters' => [ 400,
    'ThrottlingException', 1000000 ] });
my $task = run('PENDING', ['/p/1']);
$aws->tell(fail => {});
wait_task($task->{taskArn}, 'RUNNING', 'throttling that passes');


# A task that is stopped while its values are fetched.

$aws->tell(fail => { 'AmazonSSM.GetParameters' => [ 429, 'Slow', 1000000 ] });
$task = run('PENDING', ['/p/1']);
ok_api('StopTask', { task => $task->{taskArn} });
$task = wait_task($task->{taskArn}, 'STOPPED', 'a stop while it waits');
is($task->{stopCode}, 'UserInitiated', 'stopped while it waited');
$aws->tell(fail => {});


# Another key, from a file that changes.

$t->stop_reconciler;
my $file = $t->dir . '/credentials';
my %key = (secret => 'other', token => 'session/token==');

sub credentials {
    my ($id) = @_;
    $t->write_file('credentials', "[default]\naws_access_key_id = no\n"
        . "aws_secret_access_key = no\n[team]\n  aws_access_key_id=$id\n"
        . "aws_secret_access_key = $key{secret}\n"
        . "aws_session_token = $key{token}\n");
}

credentials('AKIDOTHER');
push @{ $t->{reconciler} }, '--upstream-credentials', $file,
    '--upstream-profile', 'team';
$t->start_reconciler;
fails('an unknown key', ['/p/1'], 'retrieve secrets from ssm: service call'
    . ' has been retried 1 time(s): UnrecognizedClientException: The security'
    . ' token included in the request is invalid.');
$aws->tell(keys => { AKIDNEW => \%key });
credentials('AKIDNEW');
run('RUNNING', ['/p/1']);
is(($aws->calls('AmazonSSM.GetParameters'))[-1]{scope}[0], 'AKIDNEW',
    'a file that has changed counts at once, and a session\'s token');

unlink $file;
fails('no file', ['/p/1'], 'retrieve secrets from ssm: service call has been'
    . ' retried 1 time(s): RequestError: send request failed caused by: the'
    . ' file of AWS credentials cannot be read');


# Nobody is there, and nobody for one of the services.

$t->stop_reconciler;
my $nobody = 'http://127.0.0.1:' . Kecs::free_port();
$t->{reconciler} = [ '--upstream', "ssm=$nobody,secretsmanager=" . $aws->url,
    '--simulated-start',
    '50ms', '--upstream-backoff', '20ms', '--upstream-patience', '300ms',
    '--log-level', 'debug' ];
$t->start_reconciler;
like(run('STOPPED', ['/p/1'])->{stoppedReason}, qr/RequestError:\ send
    \ request\ failed\ caused\ by:\ Failed\ to\ connect/x, 'nobody there');

$aws->tell(keys => { AKIDTEST => { secret => 'wJalr/secret+key' } },
    fail => { 'secretsmanager.GetSecretValue' => [ 503, 'Busy',
    1000000 ] });
$task = run('STOPPED', ["$SM:text-AbCdEf"]);
like($task->{stoppedReason}, qr/^\Q$PREFIX\E\ retrieve\ secret\ from\ asm:
    \ service\ call\ has\ been\ retried\ ([2-9]|\d\d)\ time\(s\):.*
    Busy:\ as\ told$/x, 'errors of the server that last');

$t->stop_reconciler;
$t->{reconciler}[1] = "ssm=$nobody";
$t->start_reconciler;
run('RUNNING', ["$SM:no-AbCdEf"]);
pass('what has no endpoint is left to the runtime');


# No value is anywhere.

for my $file (qw(reconciler.log error.log data/data.mdb)) {
    my $text = $t->read_file($file);
    ok(length $text, "$file is there");
    ok(index($text, 'v4lue') < 0, "no value in $file");
    ok(index($text, 'wJalr') < 0, "no key in $file");
}

$t->done;
