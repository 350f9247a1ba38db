#!/usr/bin/perl

# Pages of the five lists: their sizes, pages while others create and
# delete, and tokens: across reloads and restarts, damaged, forged, foreign.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use POSIX ();
use Test::More;

my $BAD = 'Invalid token: the nextToken is not valid for this request.';
my $EACH = 105;

api_start();


# What is listed: 105 of each that stay, with room between their names.

sub name { sprintf "n%03d-%s", @_ }

my $definition = { containerDefinitions => [{ name => 'c', image => 'i',
                                              memory => 16 }] };

sub made {
    my ($op, $in) = @_;

    my ($status, $out) = $t->api($op, $in);
    die "$op: $status ", $t->json->encode($out), "\n" if $status != 200;

    return $out;
}

made('CreateCluster', {});
made('RegisterTaskDefinition', { family => 'run', %$definition });
made('CreateCluster', { clusterName => name($_, 'c') }) for 1 .. $EACH - 1;
made('RegisterTaskDefinition', { family => name($_, 'f'), %$definition })
    for 1 .. $EACH - 1;
made('CreateService', { serviceName => name($_, 's'), desiredCount => 0,
                        taskDefinition => 'run' }) for 1 .. $EACH;
made('RunTask', { taskDefinition => 'run', count => 5, startedBy => 'stay' })
    for 1 .. $EACH / 5;

# Operation, member, default page, further input; what comes and goes.

my @lists = (
    ['ListClusters', 'clusterArns', 100, {}, sub {
        made('CreateCluster', { clusterName => $_[0] });
        sub { made('DeleteCluster', { cluster => $_[0] }) } }],
    ['ListTaskDefinitionFamilies', 'families', 100, { status => 'ACTIVE' },
     sub {
        my $td = made('RegisterTaskDefinition', { family => $_[0],
                                                  %$definition });
        sub { made('DeregisterTaskDefinition', { taskDefinition =>
              $td->{taskDefinition}{taskDefinitionArn} }) } }],
    ['ListTaskDefinitions', 'taskDefinitionArns', 100, {}, sub {
        my $td = made('RegisterTaskDefinition', { family => $_[0],
                                                  %$definition });
        sub { made('DeregisterTaskDefinition', { taskDefinition =>
              $td->{taskDefinition}{taskDefinitionArn} }) } }],
    ['ListServices', 'serviceArns', 10, {}, sub {
        $t->api('CreateService', { serviceName => $_[0], desiredCount => 0,
                                   taskDefinition => 'run' });
        sub { $t->api('DeleteService', { service => $_[0] }) } }],
    ['ListTasks', 'taskArns', 100, {}, sub {
        my $out = made('RunTask', { taskDefinition => 'run', count => 3 });
        sub { made('StopTask', { task => $_->{taskArn} })
              for @{ $out->{tasks} } } }],
);

# All pages: (the elements, how many pages).

sub pages {
    my ($op, $member, %in) = @_;

    my (@all, $n, $token);

    do {
        my $out = ok_api($op, { %in, $token ? (nextToken => $token) : () },
                         name => "a page of $op");
        push @all, @{ $out->{$member} // [] };
        $token = $out->{nextToken};
    } while (++$n < 500 && $token);

    return (\@all, $n);
}

my %whole;

for (@lists) {
    my ($op, $member, $default, $more) = @$_;

    my $out = ok_api($op, $more);
    is(scalar @{ $out->{$member} }, $default, "$op: $default at once");
    ok(defined $out->{nextToken}, "$op: and a token");
    is_deeply([ sort keys %$out ], [ sort $member, 'nextToken' ],
              "$op: nothing else");

    my ($all, $n) = pages($op, $member, %$more, maxResults => 100);
    is(scalar @$all, $EACH, "$op: all in pages of 100");
    is($n, 2, "$op: which are two");
    $whole{$op} = $all;

    for my $size (1, 7, 35, 99) {
        my ($other, $m) = pages($op, $member, %$more, maxResults => $size);
        is_deeply($other, $all, "$op: the same in pages of $size");
        is($m, int(($EACH + $size - 1) / $size), "$op: none of them empty");
    }

    ok(!exists ok_api($op, { %$more, maxResults => 100, nextToken =>
       ok_api($op, { %$more, maxResults => 100 })->{nextToken} })->{nextToken},
       "$op: the last page has no token");
    refused($op, { %$more, maxResults => $$_[0] },
            'InvalidParameterException', $$_[1]) for
        [101, 'Max results can not be greater than 100'],
        [0, 'Max results can not be lesser than 1'],
        [-1, 'Max results can not be lesser than 1'];
    refused($op, { %$more, maxResults => '5' }, 'SerializationException',
            'STRING_VALUE cannot be converted to Integer');
    is(scalar @{ ok_api($op, { %$more, maxResults => undef,
       nextToken => undef })->{$member} }, $default, "$op: null is absent");
}

my ($down) = pages('ListTaskDefinitions', 'taskDefinitionArns',
                   sort => 'DESC', maxResults => 13);
is_deeply($down, [ reverse @{ $whole{ListTaskDefinitions} } ],
          'DESC is the other way round');
my ($prefixed) = pages('ListTaskDefinitionFamilies', 'families',
                       familyPrefix => 'n01', maxResults => 3);
is_deeply($prefixed, [ map { name($_, 'f') } 10 .. 19 ],
          'pages within a prefix');
my ($stay) = pages('ListTasks', 'taskArns', startedBy => 'stay',
                   maxResults => 20);
is_deeply($stay, $whole{ListTasks}, 'pages within a filter');


# Tokens that are not what they should be.

my %token = map { ($_->[0] => ok_api($_->[0], { %{ $_->[3] },
                   maxResults => 10 })->{nextToken}) } @lists;

sub rejected {
    my ($name, $op, $in, %o) = @_;

    refused($op, $in, 'InvalidParameterException', $BAD,
            name => "$name is refused", %o);
}

for (@lists) {
    my ($op, $member, $default, $more) = @$_;
    my $token = $token{$op};

    for my $i (0 .. length($token) - 1) {
        my $other = substr($token, $i, 1) eq 'A' ? 'B' : 'A';
        my $bad = $token;
        substr $bad, $i, 1, $other;
        my ($status, $out) = $t->api($op, { %$more, nextToken => $bad });
        next if $status == 400 && $out->{message} eq $BAD;
        fail("$op: character $i changed to $other");
    }

    rejected("$op: $$_[0]", $op, { %$more, nextToken => $$_[1] }) for
        ['a shortened token', substr $token, 0, -1],
        ['a lengthened token', "${token}A"], ['half a token', substr $token,
        0, length($token) / 2], ['a doubled token', $token x 2],
        ['no base64', '!' . substr $token, 1], ['some text', 'token'],
        ['a long text', 'A' x 5000], ['padding', "$token="],
        ['the like of ECS', 'FAMILY::0000000001'];
    rejected("$op: the token of $_", $op, { %$more, nextToken => $token{$_} })
        for grep { $_ ne $op } sort keys %token;
    rejected("$op: a token of another region", $op,
             { %$more, nextToken => $token }, region => 'eu-west-1')
        unless $op =~ /Services|Tasks/;
    rejected("$op: a token of another account", $op,
             { %$more, nextToken => $token }, key => '111122223333')
        unless $op =~ /Services|Tasks/;
}

made('CreateCluster', { clusterName => 'other' });
rejected('another cluster', $_, { cluster => 'other',
         nextToken => $token{$_} }) for qw(ListServices ListTasks);
rejected('another filter', @$_) for
    ['ListServices', { launchType => 'EC2', nextToken =>
                       $token{ListServices} }],
    ['ListServices', { schedulingStrategy => 'REPLICA', nextToken =>
                       $token{ListServices} }],
    ['ListTasks', { family => 'run', nextToken => $token{ListTasks} }],
    ['ListTasks', { desiredStatus => 'STOPPED', nextToken =>
                    $token{ListTasks} }],
    ['ListTaskDefinitions', { sort => 'DESC', nextToken =>
                              $token{ListTaskDefinitions} }],
    ['ListTaskDefinitions', { status => 'INACTIVE', nextToken =>
                              $token{ListTaskDefinitions} }],
    ['ListTaskDefinitionFamilies', { status => 'ALL', nextToken =>
                                     $token{ListTaskDefinitionFamilies} }],
    ['ListTaskDefinitionFamilies', { status => 'ACTIVE', familyPrefix => 'n',
      nextToken => $token{ListTaskDefinitionFamilies} }];
made('DeleteCluster', { cluster => 'other' });

{
    my $elsewhere = Kecs->new(workers => 1)->start;
    $elsewhere->api('CreateCluster', { clusterName => name($_, 'c') })
        for 1 .. 3;
    my (undef, $out) = $elsewhere->api('ListClusters', { maxResults => 1 });
    rejected('a token of another store', 'ListClusters',
             { nextToken => $out->{nextToken} });
    $elsewhere->stop;
}


# The same tokens after a reload and after a restart.

sub go_on {
    my ($when) = @_;

    for (@lists) {
        my ($op, $member, $default, $more) = @$_;
        my $out = ok_api($op, { %$more, nextToken => $token{$op},
                                maxResults => 100 });
        is_deeply($out->{$member}, [ @{ $whole{$op} }[10 .. $EACH - 1] ],
                  "$op: the rest $when");
    }
}

go_on('at once');
$t->reload;
go_on('after a reload');
$t->stop;
$t->start;
go_on('after a restart');


# Pages while others create and delete, before, between and behind.

my $flag = $t->write_file('flag', '1');
my @pids;

for my $list (@lists) {
    my ($make) = $list->[4];
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        eval {
            my @live;

            for (my $i = 0; -e $flag; $i++) {
                my $name = name(int(rand 120), "x$$-$i");
                push @live, [$make->($name), $name];
                @live[0, -1] = @live[-1, 0] if rand() < 0.5;

                while (@live > 5) {
                    my ($unmake, $of) = @{ shift @live };
                    $unmake->($of);
                }
            }
        };
        warn $@ if $@;
        POSIX::_exit($@ ? 1 : 0);
    }

    push @pids, $pid;
}

for my $round (1 .. 4) {
    for (@lists) {
        my ($op, $member, $default, $more) = @$_;
        my %in = (%$more, maxResults => (3, 10, 17, 50)[$round - 1]);
        my ($all) = pages($op, $member, %in);
        my %stays = map { $_ => 1 } @{ $whole{$op} };
        my %seen;

        is_deeply([ grep { $stays{$_} } @$all ], $whole{$op},
                  "$op, round $round: what stays comes once, in order");
        is(scalar(grep { $seen{$_}++ } @$all), 0,
           "$op, round $round: nothing comes twice");
    }
}

unlink $flag;
is(scalar(grep { waitpid $_, 0; $? } @pids), 0, 'the others are well');

for (@lists) {
    my ($op, $member, $default, $more) = @$_;
    my ($all) = pages($op, $member, %$more, maxResults => 100);
    cmp_ok(scalar(@$all), '>', $EACH, "$op: there was something going on")
        unless $op eq 'ListServices';
}


# A page that looks at many records and finds few ends early.

made('CreateCluster', { clusterName => 'many' });
made('RegisterTaskDefinition', { family => 'vpc', networkMode => 'awsvpc',
    cpu => '256', memory => '512', containerDefinitions =>
    [{ name => 'c', image => 'i' }] });
made('RunTask', { cluster => 'many', taskDefinition => 'run', count => 10 })
    for 1 .. 205;
my $last = made('RunTask', { cluster => 'many', taskDefinition => 'vpc',
    launchType => 'FARGATE', networkConfiguration => { awsvpcConfiguration =>
    { subnets => ['s'] } } })->{tasks}[0]{taskArn};
my $out = ok_api('ListTasks', { cluster => 'many', launchType => 'FARGATE' });
ok(defined $out->{nextToken}, 'after 2,000 records a page ends');
my ($all, $n) = pages('ListTasks', 'taskArns', cluster => 'many',
                      launchType => 'FARGATE');
is_deeply($all, [$last], 'the one that is sought is found');
cmp_ok($n, '<=', 3, 'in two pages');

$t->done;
