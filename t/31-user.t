#!/usr/bin/perl

# The README's transcript as an ordinary user: programs installed in a
# folder of their own, a store below another, kill -9 of everything.  As
# root the user is nobody.

use strict;
use warnings;

use File::Copy ();
use File::Find ();
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsUp;
use Test::More;

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');


# What a package would install, readable by everybody.

my $home = File::Temp->newdir('kecs-XXXXXXXX', DIR => $ENV{KECS_TMP} || '/tmp',
                              CLEANUP => !$ENV{KECS_LEAVE});
chmod 0755, "$home";
mkdir "$home/bin";
mkdir "$home/own";

for my $file ("$BUILD/kecs", "$BUILD/kecs-reconciler",
              "$BUILD/ngx_http_kecs_module.so",
              "$Kecs::ROOT/conf/kecs.conf", "$Kecs::ROOT/conf/runtime.conf")
{
    File::Copy::cp($file, "$home/bin/") or die "$file: $!\n";
}

chmod 0755, "$home/bin/kecs", "$home/bin/kecs-reconciler";

my ($uid, @prefix) = ($>);

if ($> == 0) {
    my $gid;
    ($uid, $gid) = (getpwnam 'nobody')[2, 3];
    chown $uid, $gid, "$home/own";
    @prefix = ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups');
}

my $k = KecsUp->new(
    build => "$home/bin",
    data => "$home/own/deep/below/data",
    prefix => \@prefix,
    env => { %{ Kecs::sanitizer_env() }, HOME => "$home/own" },
    sets => [@KecsUp::SETS, qw(simulated-start=50ms simulated-stop=50ms)],
);


# Helpers.

sub call {
    my ($op, $in) = @_;

    my ($status, $json) = $k->api($op, $in);
    is($status, 200, $op) or diag(Kecs->json->encode($json));

    return $json;
}

sub describe {
    my (@arns) = @_;

    my (undef, $json) = $k->api('DescribeTasks', { cluster => 'demo',
                                                   tasks => \@arns });

    return @{ $json->{tasks} };
}

sub all_are {
    my ($status, @arns) = @_;

    ok(Kecs::wait_for($k, sub {
        my @tasks = describe(@arns);
        @tasks == @arns && !grep { $_->{lastStatus} ne $status } @tasks;
    }, 30), scalar(@arns) . " tasks are $status");
}

sub stable {
    my ($count) = @_;

    my $service;
    ok(Kecs::wait_for($k, sub {
        (undef, my $json) = $k->api('DescribeServices',
            { cluster => 'demo', services => ['web'] });
        $service = $json->{services}[0];
        $service && @{ $service->{deployments} } == 1
            && $service->{runningCount} == $count
            && $service->{deployments}[0]{rolloutState} eq 'COMPLETED';
    }, 30), "the service is stable with $count tasks");

    return $service;
}


# The transcript.

$k->start;
like($k->output, qr{data\s+\Q$home\E/own/deep/below/data}, 'the banner');

open my $f, '<', "$Kecs::ROOT/examples/hello.json" or die "hello.json: $!\n";
my $hello = do { local $/; Kecs->json->decode(scalar <$f>) };
close $f;

call('CreateCluster', { clusterName => 'demo' });
is(call('RegisterTaskDefinition', $hello)->{taskDefinition}{revision}, 1,
   'revision 1');
my @arns = map { $_->{taskArn} } @{ call('RunTask', { cluster => 'demo',
    taskDefinition => 'hello', count => 2 })->{tasks} };
all_are('RUNNING', @arns);
call('CreateService', { cluster => 'demo', serviceName => 'web',
                        taskDefinition => 'hello', desiredCount => 3 });
stable(3);
call('StopTask', { cluster => 'demo', task => $arns[1], reason => 'enough' });
all_are('STOPPED', $arns[1]);


# Everything is killed.

my @before = describe(@arns);
my $unseen = call('RunTask', { cluster => 'demo', taskDefinition => 'hello',
                               startedBy => 'late' })->{tasks}[0]{taskArn};
call('CreateCluster', { clusterName => 'late' });
$k->kill_all;
$k->start;

is_deeply([describe(@arns)], \@before, 'its tasks are as they were');
all_are('RUNNING', $unseen);
is((describe($unseen))[0]{startedBy}, 'late', 'the newest task is there');
is(call('DescribeClusters', { clusters => ['late'] })
   ->{clusters}[0]{status}, 'ACTIVE', 'so is the newest cluster');
my $service = stable(3);
is($service->{desiredCount}, 3, 'the service is there');

call('UpdateService', { cluster => 'demo', service => 'web',
                        forceNewDeployment => \1 });
stable(3);


# What it leaves behind.

my @foreign;
File::Find::find(sub { push @foreign, $File::Find::name
                           if (lstat)[4] != $uid }, "$home/own");
is("@foreign", '', 'all files are the user\'s own');

my @open;
File::Find::find(sub { push @open, $_
                           if -f && /mdb|sock|lock|wake/ && (stat)[2] & 077 },
                 $k->{data});
is("@open", '', 'the store is closed to others');

my ($status, $text) = $k->kecs('env');
like($text, qr{^export AWS_ENDPOINT_URL=http://127\.0\.0\.1:$k->{port}$}m,
     'kecs env');
is($k->stop, 0, 'SIGTERM: exit status 0');
$k->final_checks;

done_testing();
