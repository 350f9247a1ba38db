#!/usr/bin/perl

# Stores of every format there was: restored, they answer as they did, in
# today's shapes, and go on.  A newer format is refused by everybody and left
# as it is.

use strict;
use warnings;

use Digest::MD5 ();
use FindBin;
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use lib "$FindBin::Bin/lib";
use Kecs;
use Test::More;

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my $STORES = "$Kecs::ROOT/t/data/stores";

# (status, output) of a program.
sub run {
    my ($program, @args) = @_;

    return Kecs::capture("$BUILD/$program", @args);
}

sub digest {
    my ($file) = @_;

    open my $f, '<:raw', $file or die "$file: $!\n";

    return Digest::MD5->new->addfile($f)->hexdigest;
}

# Where `got` lacks, or has otherwise, what `want` has.
sub missing {
    my ($got, $want, $at) = @_;

    if (ref $want eq 'HASH') {
        return "$at: no object" unless ref $got eq 'HASH';
        return map { exists $got->{$_}
                     ? missing($got->{$_}, $want->{$_}, "$at.$_")
                     : "$at.$_: missing" } sort keys %$want;
    }

    if (ref $want eq 'ARRAY') {
        return "$at: no array" unless ref $got eq 'ARRAY';
        return "$at: " . @$got . ' instead of ' . @$want
            unless @$got == @$want;
        return map { missing($got->[$_], $want->[$_], "$at\[$_]") }
               0 .. $#$want;
    }

    return defined $got && "$got" eq "$want"
           ? () : "$at: " . ($got // 'null') . " instead of $want";
}

# Paths of all members.
sub members {
    my ($value, $at) = @_;

    return map { ("$at.$_", members($value->{$_}, "$at.$_")) } keys %$value
        if ref $value eq 'HASH';
    return map { members($_, "$at\[]") } @$value if ref $value eq 'ARRAY';
    return;
}

# A new record has no member that an old one of its kind lacks.
sub same_shape {
    my ($old, $new, $name) = @_;

    my %old = map { $_ => 1 } members($old, '');
    my %lacks = map { $_ => 1 } grep { !$old{$_} } members($new, '');
    is(join(' ', sort keys %lacks), '', "$name: in today's shape");
}


for my $backup (glob "$STORES/*.backup.gz") {
    my ($name) = $backup =~ m{([^/]+)\.backup\.gz$};
    my $t = Kecs->new(workers => 2);
    my $file = $t->dir . '/backup';
    my @data = ('--data', $t->data);

    gunzip($backup => $file) or die "$backup: $GunzipError\n";
    my ($status, $text) = run('kecs', 'restore', $file, @data);
    is($status, 0, "$name: restored") or diag($text);
    ($status, $text) = run('kecs', 'check', @data);
    is($status, 0, "$name: sound") or diag($text);
    $t->start;

    # The same answers.

    my (%seen, $count);
    open my $f, '<', "$STORES/$name.answers" or die "$name.answers: $!\n";

    while (<$f>) {
        my $call = $t->json->decode($_);
        my ($status, $json) = $t->api($call->{op}, $call->{in},
            map { $call->{$_} ? ($_ => $call->{$_}) : () } qw(region key));
        my @differ = missing($json, $call->{answer}, '');
        is("$status @differ", '200 ', "$name: $call->{op}, line $.")
            or diag($t->json->encode($call->{in}));
        $seen{$call->{op}} = 1;
        $count++;
    }

    cmp_ok($count, '>', 20, "$name: answers");
    my @ops = grep { /^(?:List|Describe)/ && !$seen{$_} }
        qw(ListClusters DescribeClusters ListTagsForResource
           ListTaskDefinitionFamilies ListTaskDefinitions
           DescribeTaskDefinition ListTasks DescribeTasks ListServices
           DescribeServices);
    is("@ops", '', "$name: all that lists and describes");

    # What that release did not count.

    my (undef, $json) = $t->api('DescribeClusters',
        { clusters => ['main'], include => ['STATISTICS'] });
    my $cluster = $json->{clusters}[0];
    for (['running', 'Tasks', 'runningTasksCount'],
         ['active', 'Service', 'activeServicesCount'])
    {
        my ($state, $what, $total) = @$_;
        my $sum = 0;
        $sum += $_->{value} for grep { $_->{name} =~ /^$state.*${what}s?C/ }
            @{ $cluster->{statistics} };
        is($sum, $cluster->{$total}, "$name: STATISTICS make up $total");
        cmp_ok($sum, '>', 0, "$name: $total");
    }

    # New records beside the old ones.

    my $call = sub {
        my ($op, $in) = @_;
        my ($status, $json) = $t->api($op, { cluster => 'main', %$in });
        is($status, 200, "$name: $op") or diag($json->{message});
        return $json;
    };
    my $all = sub {
        my ($op, $what, @names) = @_;
        my %include = (include => ['TAGS']);
        $include{include} = [qw(TAGS SETTINGS STATISTICS CONFIGURATIONS
                                ATTACHMENTS)] if $what eq 'clusters';
        return @{ $call->($op, { %include, $what => \@names })->{$what} };
    };

    $call->('CreateCluster', { clusterName => 'new' });
    same_shape($all->('DescribeClusters', 'clusters', 'main', 'new'),
               "$name: cluster");

    my $old = $call->('DescribeTaskDefinition',
                      { taskDefinition => 'web:3', include => ['TAGS'] });
    my $new = $call->('RegisterTaskDefinition', { family => 'web',
        containerDefinitions => $old->{taskDefinition}{containerDefinitions}
    });
    is($new->{taskDefinition}{revision}, 4, "$name: no revision is repeated");
    same_shape($old, $new, "$name: task definition");

    my ($arn) = @{ $call->('ListTasks', { family => 'full' })->{taskArns} };
    my $task = $call->('RunTask', { taskDefinition => 'web' })->{tasks}[0];
    same_shape($all->('DescribeTasks', 'tasks', $arn, $task->{taskArn}),
               "$name: task");

    $call->('CreateService', { serviceName => 'new', taskDefinition => 'web',
                               desiredCount => 1 });
    same_shape($all->('DescribeServices', 'services', 'web', 'new'),
               "$name: service");

    # The old ones go on.

    $call->('StopTask', { task => $arn });
    $call->('UpdateService', { service => 'two', taskDefinition => 'web:4' });
    $call->('TagResource', { resourceArn => $arn,
                             tags => [{ key => 'new', value => 'v' }] });
    $t->{reconciler} = [qw(--simulated-start 20ms --simulated-stop 20ms
        --healthy-after 100ms --throttle-first 100ms --start-again 1s)];
    $t->start_reconciler;
    ok($t->wait_for(sub {
        my (undef, $json) = $t->api('DescribeServices',
            { cluster => 'main', services => [qw(web two new)] });
        !grep { @{ $_->{deployments} } != 1
                || $_->{runningCount} != $_->{desiredCount} }
              @{ $json->{services} };
    }, 30), "$name: services get steady");
    ok($t->wait_for(sub {
        my (undef, $json) = $t->api('DescribeTasks',
            { cluster => 'main', tasks => [$arn] });
        $json->{tasks}[0]{lastStatus} eq 'STOPPED';
    }, 30), "$name: an old task is stopped");

    $t->stop;
    ($status, $text) = run('kecs', 'check', @data);
    is($status, 0, "$name: still sound") or diag($text);
    $t->no_alerts;
    $t->no_sanitizer_errors;
}


# A format of the future.

my $t = Kecs->new(workers => 2);
my @data = ('--data', $t->data);
my $file = $t->dir . '/backup';
my $NEWER = qr/written by a newer release \(format 2, this one knows up to 1\)/;
gunzip("$STORES/v1.backup.gz" => $file) or die "v1: $GunzipError\n";
is((run('kecs', 'restore', $file, @data))[0], 0, 'newer: a store');

# Rewrites the number of the format in a file.
sub give_format {
    my ($file, $from, $to) = @_;

    open my $f, '+<:raw', $file or die "$file: $!\n";
    my $bytes = do { local $/; <$f> };
    my $n = $bytes =~ s/format\0\0\0$from/format\0\0\0$to/g;
    seek $f, 0, 0;
    print $f $bytes;
    close $f or die "$file: $!\n";

    return $n;
}

my $mdb = $t->data . '/data.mdb';
ok(give_format($_, "\1", "\2"), 'newer: another format') for $file, $mdb;
my $before = digest($mdb);

for my $verb (['check'], ['backup', $t->dir . '/copy']) {
    my ($status, $text) = run('kecs', @$verb, @data);
    is($status, 1, "newer: kecs $verb->[0] is refused");
    like($text, $NEWER, 'and says why');
}

ok(!-e $t->dir . '/copy', 'newer: no backup is left');

for my $where ($t->data . '-other', $t->data) {
    my ($status, $text) = run('kecs', 'restore', $file, '--data', $where,
                              '--replace');
    is($status, 1, 'newer: kecs restore is refused');
    like($text, $NEWER, 'and says why');
}

my ($status, $text) = run('kecs-reconciler', @data, qw(--runtime simulated));
is($status, 1, 'newer: the reconciler is refused');
like($text, $NEWER, 'and says why');

$t->start;
($status, $text) = $t->get('/readyz');
is($status, 503, 'newer: nginx is not ready');
like($text, qr/^\[-\]store failed: .*$NEWER/m, 'and says why');
($status, my $json) = $t->api('CreateCluster', {});
is("$status $json->{__type}", '500 ServerException', 'newer: no call is run');
like($json->{message}, $NEWER, 'and says why');
is(digest($mdb), $before, 'newer: nothing was changed');

# The release that knows it comes: here the number goes back.

ok(give_format($mdb, "\2", "\1"), 'newer: it is known');
ok($t->wait_for(sub { (($t->api('ListClusters', {}))[0] == 200) }),
   'newer: open without a restart');
is((run('kecs', 'check', @data))[0], 0, 'newer: sound');
$t->allow(qr/\[crit\].*$NEWER/);

$t->done;
