package KecsCluster;

# A real Kubernetes for a suite: the one that KECS_TEST_KUBECONFIG names, or
# one of its own that ends with the object (see t/cluster/README.md).

use strict;
use warnings;

use File::Path ();
use File::Temp ();
use JSON::PP ();
use Kecs ();
use Test::More ();

my $tool = 't/cluster/cluster';

# Why there can be no cluster here, or undef; with CI=true it must be there.
# With "kwok" it is one of fake nodes, which is always our own.
sub missing {
    my (@more) = @_;
    my $cache = $ENV{KECS_CACHE} || ($ENV{XDG_CACHE_HOME}
        || "$ENV{HOME}/.cache") . '/kecs';
    return undef if $ENV{CI} || ($ENV{KECS_TEST_KUBECONFIG} && !@more);
    return 'a cluster of fake nodes is one of our own'
        if $ENV{KECS_TEST_KUBECONFIG};
    return 'a real cluster needs root' if $> != 0;
    for my $program ('kube', @more) {
        my ($found) = glob "$cache/$program-*/$program";
        return "no $program for the cluster; t/cluster/build $program makes it"
            if !$found;
    }
    return undef;
}

sub new {
    my ($class, @flags) = @_;
    my $self = bless {}, $class;
    if ($ENV{KECS_TEST_KUBECONFIG}) {
        $self->{admin} = $ENV{KECS_TEST_KUBECONFIG};
        $self->{kubeconfig} = $self->{admin};
        $self->{netns} = $ENV{KECS_TEST_NETNS};
        $self->{namespace} = 'default';
        return $self;
    }
    $self->{temp} = File::Temp::tempdir('kecsk-XXXXXXXX',
        DIR => $ENV{KECS_TMP} || '/tmp');
    $self->{dir} = "$self->{temp}/c";
    my ($status, $text) = run($tool, 'up', $self->{dir}, @flags);
    if ($status) {
        Test::More::diag($text);
        die "no cluster\n";
    }
    $self->{admin} = "$self->{dir}/admin.kubeconfig";
    ($status, $text) = run($tool, 'env', $self->{dir});
    ($self->{netns}) = $text =~ /KECS_TEST_NETNS=['"]?([^'"\s;]+)/
        or die "no namespace in: $text";
    ($self->{path}) = $text =~ /PATH=['"]?([^:'"\s]+)/;
    $self->restrict;
    return $self;
}

# The product gets exactly the rights that k8s/rbac.yaml documents: the
# token of user "kecs" is bound to its roles.
sub restrict {
    my ($self) = @_;
    my @commands = (
        [ qw(apply -f k8s/rbac.yaml) ],
        [ qw(create rolebinding kecs-test --role=kecs --user=kecs -n kecs) ],
        [ qw(create clusterrolebinding kecs-test --clusterrole=kecs-nodes
            --user=kecs) ],
        [ qw(create clusterrolebinding kecs-test-pods
            --clusterrole=kecs-all-pods --user=kecs) ],
    );
    for my $command (@commands) {
        my ($status, $text) = $self->kubectl(@$command);
        die "kubectl @$command: $text" if $status;
    }
    $self->{kubeconfig} = "$self->{dir}/kecs.kubeconfig";
    $self->{namespace} = 'kecs';
    return;
}

sub run { return Kecs::capture(@_) }

# What enters the namespace, for a command's front.
sub prefix {
    my ($self) = @_;
    return $self->{netns} ? [ 'nsenter', "--net=$self->{netns}" ] : [];
}

# kubectl as the admin, in the namespace of the tasks; also for others to run.
sub kubectl_command {
    my ($self) = @_;
    my $kubectl = $self->{path} ? "$self->{path}/kubectl" : 'kubectl';
    return (@{ $self->prefix }, $kubectl, "--kubeconfig=$self->{admin}",
        ($self->{namespace} ? "--namespace=$self->{namespace}" : ()));
}

sub kubectl {
    my ($self, @args) = @_;
    return run($self->kubectl_command, @args);
}

# kubectl get ... -o json, decoded; dies with its error.
sub get {
    my ($self, @args) = @_;
    my ($status, $text) = $self->kubectl('get', @args, '-o', 'json');
    die "kubectl get @args: $text" if $status;
    return JSON::PP->new->utf8->decode($text);
}

sub verb {
    my ($self, $verb, @args) = @_;
    my ($status, $text) = run($tool, $verb, $self->{dir}, @args);
    Test::More::diag($text) if $status;
    return $status == 0;
}

sub own { return defined $_[0]{dir} }

sub DESTROY {
    my ($self) = @_;
    local ($?, $@);
    return unless $self->{dir};
    run($tool, 'down', $self->{dir});
    File::Path::remove_tree($self->{temp}) unless $ENV{KECS_LEAVE};
    return;
}

1;
