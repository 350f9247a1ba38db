package KecsUpstream;

# The stand-in for other AWS services (t/clients/fake_aws.py): started on a
# free port, told what there is, asked for what it was asked.

use strict;
use warnings;

use File::Temp ();
use JSON::PP ();
use Kecs ();
use KecsClient ();

my $json = JSON::PP->new->canonical->utf8;

# `prefix` is what enters the network of a cluster, or empty.
sub new {
    my ($class, $prefix, %state) = @_;

    my $dir = File::Temp->newdir('kecs-aws-XXXXXXXX', DIR => '/tmp');
    my $self = bless { dir => $dir, state => {}, owner => $$ }, $class;
    my $python = $ENV{KECS_PYTHON}
                 || KecsClient::client('python') . '/bin/python';

    $self->tell(keys => { AKIDTEST => { secret => 'wJalr/secret+key' } },
                %state);
    $self->{pid} = open $self->{out}, '-|', @$prefix, $python,
        "$Kecs::ROOT/t/clients/fake_aws.py", "$dir/state", "$dir/log";
    $self->{port} = readline $self->{out};
    die "the stand-in for AWS does not start\n" if !$self->{port};
    chomp $self->{port};

    return $self;
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

# The options of a reconciler, and what it finds in its environment.
sub flags { return ('--upstream', $_[0]->url) }

sub env {
    return { AWS_ACCESS_KEY_ID => 'AKIDTEST',
             AWS_SECRET_ACCESS_KEY => 'wJalr/secret+key' };
}

sub tell {
    my ($self, %more) = @_;

    $self->{state} = { %{ $self->{state} }, %more };
    open my $f, '>', "$self->{dir}/new" or die "state: $!\n";
    print $f $json->encode($self->{state});
    close $f or die "state: $!\n";
    rename "$self->{dir}/new", "$self->{dir}/state" or die "state: $!\n";
    return;
}

# The calls so far, or those of one operation.
sub calls {
    my ($self, $operation) = @_;

    open my $f, '<', "$self->{dir}/log" or return;
    my @calls = map { $json->decode($_) } <$f>;
    return @calls if !defined $operation;
    return grep { ($_->{operation} // $_->{target} // '') eq $operation }
           @calls;
}

sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$ || !$self->{pid};
    local ($?, $!);
    kill 'KILL', $self->{pid};
    close $self->{out};
}

1;
