package KecsTasks;

# Tasks on a real cluster, through the aws CLI: a store of its own on a
# KecsCluster, with a cluster "demo", and what suites ask of its tasks.

use strict;
use warnings;

use JSON::PP ();
use KecsUp ();

my $json = JSON::PP->new->canonical;

sub new {
    my ($class, $cluster, %more) = @_;
    my $sets = delete $more{sets} || [];
    my $flags = delete $more{flags} || [];
    my $k = KecsUp->new(runtime => 'kubernetes', prefix => $cluster->prefix,
        flags => [ '--kubeconfig', $cluster->{kubeconfig}, '--namespace',
            $cluster->{namespace}, @$flags ],
        sets => [ 'healthy-after=3s', @KecsUp::SETS[1 .. $#KecsUp::SETS],
            @$sets ], %more)->start;
    $k->aws(qw(create-cluster --cluster-name demo));
    return bless { k => $k, cluster => $cluster }, $class;
}

sub k { return $_[0]{k} }

# Containers as in a definition; names, memory and the image are filled in.
sub definition {
    my ($self, $family, $containers, @args) = @_;
    my $n = 0;
    my @all = map { { name => 'c' . $n++, image => 'kecs.test/busybox:1',
        memory => 64, %$_ } } @$containers;
    return $self->{k}->aws('register-task-definition', '--family', $family,
        '--container-definitions', $json->encode(\@all), @args)
        ->{taskDefinition};
}

sub run {
    my ($self, $family, @args) = @_;
    my $r = $self->{k}->aws(qw(run-task --cluster demo --task-definition),
        $family, @args);
    return $r->{tasks}[0]{taskArn};
}

sub task {
    my ($self, $arn) = @_;
    my $t = $self->{k}->aws(qw(describe-tasks --cluster demo --tasks), $arn);
    return $t->{tasks}[0];
}

sub wait_for {
    my ($self, $what, $arn, $code) = @_;
    return KecsUp::wait_for($what, sub {
        my $t = $self->task($arn);
        local $_ = $t;
        return $code->() && $t;
    }, 90);
}

sub wait_status {
    my ($self, $status, $arn) = @_;
    return $self->wait_for("the task to be $status", $arn,
        sub { $_->{lastStatus} eq $status });
}

sub stop {
    my ($self, $arn) = @_;
    $self->{k}->aws(qw(stop-task --cluster demo --task), $arn);
    return $self->wait_status('STOPPED', $arn);
}

sub container {
    my ($task, $name) = @_;
    return (grep { $_->{name} eq $name } @{ $task->{containers} })[0];
}

sub pod_name { return 'ecs-' . ($_[0] =~ m{/([0-9a-f]{32})$})[0] }

sub pod {
    my ($self, $arn) = @_;
    return $self->{cluster}->get('pod', pod_name($arn));
}

sub logs {
    my ($self, $arn, $container) = @_;
    return ($self->{cluster}->kubectl('logs', pod_name($arn), '-c',
        $container))[1];
}

1;
