#!/usr/bin/perl
# What a call of ECS leaves in the audit log of a real API server: its
# request id, in the requests about its task.

use strict;
use warnings;

use File::Temp ();
use JSON::PP ();
use Test::More;
use KecsCluster;
use KecsTasks;

if (my $why = KecsCluster::missing('kwok')) {
    plan skip_all => $why;
}

my $JSON = JSON::PP->new->utf8;
my $TRACE = '0af7651916cd43dd8448eb211c80319c';
my $temp = File::Temp->newdir('kecs-XXXXXXXX', DIR => $ENV{KECS_TMP} || '/tmp');
my $trail = "$temp/audit.log";

open my $policy, '>', "$temp/policy.yaml" or die "$temp/policy.yaml: $!";
print $policy <<'END';
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: ["RequestReceived"]
rules:
- level: Metadata
  users: ["kecs"]
  resources: [{group: "", resources: ["pods"]}]
- level: None
END
close $policy or die "$temp/policy.yaml: $!";

my $cluster = KecsCluster->new('--fake', 1, map { ('--flag',
    "kube-apiserver=--audit-$_") } "policy-file=$temp/policy.yaml",
    "log-path=$trail");
my $t = KecsTasks->new($cluster);
my $k = $t->k;
$t->definition('f', [ {} ]);

# A call with a trace context: its request id and its answer.
sub call {
    my ($operation, $in, @headers) = @_;

    my ($status, $text) = Kecs::capture(@{ $cluster->prefix }, 'curl', '-sS',
        '-D-', '-d', $JSON->encode($in),
        (map { ('-H', $_) } 'Content-Type: application/x-amz-json-1.1',
            "X-Amz-Target: AmazonEC2ContainerServiceV20141113.$operation",
            @headers), "http://127.0.0.1:$k->{port}/");
    is($status, 0, $operation) or diag($text);
    my ($id) = $text =~ /^x-amzn-requestid: (\S+)\r$/mi;
    my ($json) = $text =~ /\r\n\r\n(.*)/s;

    return ($id, $JSON->decode($json));
}

# What the API server wrote down about the pod of a task, by verb.
sub audited {
    my ($pod, $verb) = @_;

    open my $f, '<', $trail or return;
    my @events = map { eval { $JSON->decode($_) } || () } <$f>;

    return grep { ($_->{objectRef}{name} // '') eq $pod
        && $_->{verb} eq $verb } @events;
}

my ($run, $ran) = call('RunTask', { cluster => 'demo',
    taskDefinition => 'f' }, "traceparent: 00-$TRACE-b7ad6b7169203331-01");
my $arn = $ran->{tasks}[0]{taskArn};
my $pod = 'ecs-' . ($arn =~ m{/(\w+)$})[0];
$t->wait_status('RUNNING', $arn);
my ($stop) = call('StopTask', { cluster => 'demo', task => $arn });
$t->wait_status('STOPPED', $arn);

for ([ create => $run ], [ delete => $stop ]) {
    my ($verb, $id) = @$_;
    KecsUp::wait_for("$verb of $pod", sub { audited($pod, $verb) });
    my @events = audited($pod, $verb);
    like($events[0]{auditID}, qr/^\Q$id\E\.[0-9a-f]{16}$/,
        "$verb: by the call that asked for it");
}

KecsUp::wait_for('our finalizer to go', sub { audited($pod, 'patch') });
unlike($_->{auditID}, qr/\Q$run\E|\Q$stop\E/, 'patch: by no call')
    for audited($pod, 'patch');

is($k->stop, 0, 'ended');
$k->final_checks;
done_testing;
