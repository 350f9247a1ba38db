#!/usr/bin/perl

# Terraform's AWS provider on the whole system: t/clients/terraform/stack has
# every ECS resource and data source that the provider knows.  They are made,
# updated in place, replaced, imported and destroyed, ten at a time, and after
# each step a plan must be empty.

use strict;
use warnings;

use File::Copy ();
use File::Temp ();
use JSON::PP ();
use Test::More;
use KecsUp;

my $clients = "$ENV{KECS_ROOT}/t/clients/terraform";
chomp(my $folder = qx($clients/setup));

if ($?) {
    BAIL_OUT('terraform and its AWS provider are needed') if $ENV{CI};
    plan skip_all => 'terraform and its AWS provider are needed';
}

my $json = JSON::PP->new->utf8;
my $temp = File::Temp->newdir('kecs-XXXXXXXX', DIR => $ENV{KECS_TMP} || '/tmp',
    CLEANUP => !$ENV{KECS_LEAVE});
my $k = KecsUp->new(sets => [@KecsUp::SETS, 'simulated-start=100'])->start;
my $ARN = 'arn:aws:ecs:us-east-1:000000000000';

# What does not come from the configuration comes from `release` and
# `generation`; see stack/main.tf.
my ($release, $generation) = (1, 'a');


# A copy of a configuration, which gets state and logs.
sub work {
    my ($from, $to) = @_;

    mkdir "$temp/$to" or die "$temp/$to: $!\n";
    File::Copy::copy($_, "$temp/$to") or die "$_: $!\n"
        for glob "$clients/$from/*.tf";

    return "$temp/$to";
}

# (exit status, output) of a command of terraform, standard error included.
sub terraform {
    my ($in, @args) = @_;

    my $pid = open my $out, '-|';
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        delete @ENV{grep { /^(?:AWS_|TF_|KECS_)/ } keys %ENV};
        %ENV = (%ENV, $k->aws_env,
            TF_CLI_CONFIG_FILE => "$folder/cli.tfrc",
            TF_IN_AUTOMATION => 1,
            CHECKPOINT_DISABLE => 1,
            TF_VAR_endpoint => "http://127.0.0.1:$k->{port}",
            TF_VAR_release => $release,
            TF_VAR_generation => $generation);
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        chdir $in or die "$in: $!\n";
        exec "$folder/terraform", @args or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close $out;

    return ($? >> 8, $text);
}

# Applies, or destroys: what was planned, as { action => [addresses] } without
# data sources that are read, and the summary of the plan.
sub apply {
    my ($in, $name, @args) = @_;

    my $since = time;
    my ($status, $text) = terraform($in, 'apply', '-json', '-auto-approve',
        '-parallelism=10', @args);
    my (%planned, $summary);

    for my $line (split /\n/, $text) {
        my $said = eval { $json->decode($line) } or next;

        if ($said->{type} eq 'planned_change') {
            my $change = $said->{change};
            push @{ $planned{$change->{action}} }, $change->{resource}{addr}
                if $change->{action} ne 'read';
        }

        if ($said->{type} eq 'change_summary'
            && $said->{changes}{operation} eq 'plan')
        {
            $summary = $said->{changes};
        }

        diag($said->{'@message'}, "\n", $said->{diagnostic}{detail})
            if $said->{type} eq 'diagnostic' && $said->{'@level'} eq 'error';
    }

    is($status, 0, "$name: applied");
    note("$name: ", time - $since, ' s');

    return (\%planned, $summary);
}

sub plan_is_empty {
    my ($in, $name) = @_;

    my ($status, $text) = terraform($in, 'plan', '-no-color',
        '-detailed-exitcode', '-parallelism=10');
    is($status, 0, "$name: the next plan is empty") or diag($text);

    return;
}

# Resources of a state, as [address, type, attributes].
sub resources {
    my ($in) = @_;

    open my $f, '<', "$in/terraform.tfstate" or die "no state: $!\n";
    my $state = $json->decode(do { local $/; <$f> });
    my @found;

    for my $r (grep { $_->{mode} eq 'managed' } @{ $state->{resources} }) {
        for my $i (@{ $r->{instances} }) {
            my $index = defined $i->{index_key} ? "[$i->{index_key}]" : '';
            push @found, [ "$r->{type}.$r->{name}$index", $r->{type},
                           $i->{attributes} ];
        }
    }

    return @found;
}

sub outputs {
    my ($in) = @_;

    my ($status, $text) = terraform($in, 'output', '-json');
    $text =~ s/\A[^{]*//;
    my $out = $json->decode($text);

    return { map { $_ => $out->{$_}{value} } keys %$out };
}

sub ecs {
    my ($op, $in) = @_;

    my ($status, $got) = $k->api($op, $in);
    is($status, 200, $op) or diag(explain($got));

    return $got;
}


# The provider knows nothing of ECS that the configuration does not have.

my $stack = work('stack', 'stack');
my ($status, $schema) = terraform($stack, 'providers', 'schema', '-json');
my $text = join '', map { open my $f, '<', $_; local $/; <$f> }
           glob "$stack/*.tf";
my ($managed, $read) = split /"data_source_schemas":/, $schema;

for (['resource', $managed], ['data', $read]) {
    my ($word, $part) = @$_;
    my %known = map { $_ => 1 } $part =~ /"(aws_ecs_\w+)":\{"version"/g;
    my %used = map { $_ => 1 } $text =~ /^$word "(aws_ecs_\w+)"/gm;

    cmp_ok(scalar keys %known, '>', 5, "the provider's: $word");
    is_deeply([sort keys %used], [sort keys %known], "all are used: $word");
}

undef $schema;


# Made.

ecs('CreateCluster', { clusterName => $_ }) for qw(default batch);

my ($planned, $summary) = apply($stack, 'create');
is_deeply([keys %$planned], ['create'], 'create: nothing else');
my @all = sort @{ $planned->{create} || [] };
cmp_ok(scalar @all, '>=', 30, 'create: ' . @all . ' resources');
plan_is_empty($stack, 'create');

my $out = outputs($stack);
is($out->{account}, '000000000000', 'the account');
is_deeply($out->{clusters},
    [map { "$ARN:cluster/$_" } qw(batch default main plain-a)], 'clusters');
is_deeply($out->{cluster}{tags}, { project => 'stack', release => 1 },
    'a cluster and its tags');
is($out->{service}{desired_count}, 2, 'a service');
is($out->{service}{task_definition}, "$ARN:task-definition/web:1",
    'and its task definition');
is($out->{task_definition}{ephemeral_storage}[0]{size_in_gib}, 30,
    'a task definition');
is($out->{container}{environment}{GENERATION}, 'a', 'a container definition');

my $tasks = ecs('ListTasks', { cluster => 'main', startedBy => 'terraform',
    desiredStatus => 'STOPPED' })->{taskArns};
cmp_ok(scalar @$tasks, '>=', 1, 'tasks of aws_ecs_task_execution ended');


# Updated in place.

$release = 2;
($planned, $summary) = apply($stack, 'update');
is_deeply([keys %$planned], ['update'], 'update: in place')
    or diag(explain($planned));
my %updated = map { /^(\w+)/ => 1 } @{ $planned->{update} || [] };
is_deeply([sort keys %updated],
    [sort keys %{ { map { /^(\w+)/ => 1 } @all } }], 'update: every type');
plan_is_empty($stack, 'update');

my $web = ecs('DescribeServices', { cluster => 'main',
    services => ['web-a'], include => ['TAGS'] })->{services}[0];
is($web->{desiredCount}, 3, 'update: the count');
is($web->{runningCount}, 3, 'update: steady when it returned');
is(scalar @{ $web->{deployments} }, 1, 'update: one deployment is left');


# Replaced.

$generation = 'b';
($planned, $summary) = apply($stack, 'replace');
my %replaced = map { /^(\w+)/ => 1 } @{ $planned->{replace} || [] };
delete @$planned{qw(replace update)};
is_deeply($planned, {}, 'replace: replaced, and updated what refers to it');
delete $updated{aws_ecs_account_setting_default};
is_deeply([sort keys %replaced], [sort keys %updated],
    'replace: every type that can be');
plan_is_empty($stack, 'replace');

my $gone = ecs('DescribeServices', { cluster => 'main',
    services => ['web-a'] })->{services}[0];
is($gone->{status}, 'INACTIVE', 'replace: the old service is INACTIVE');


# Imported, by the identifiers that the provider's pages name.

my %ID = (
    aws_ecs_account_setting_default => sub { $_[0]{name} },
    aws_ecs_capacity_provider => sub { $_[0]{name} },
    aws_ecs_cluster => sub { $_[0]{name} },
    aws_ecs_cluster_capacity_providers => sub { $_[0]{cluster_name} },
    aws_ecs_service => sub {
        ($_[0]{cluster} =~ m{([^/]*)$})[0] . "/$_[0]{name}"
    },
    aws_ecs_tag => sub { "$_[0]{resource_arn},$_[0]{key}" },
    aws_ecs_task_definition => sub { $_[0]{arn} },
    aws_ecs_task_set => sub {
        "$_[0]{task_set_id},$_[0]{service},$_[0]{cluster}"
    },
);

my $imported = work('stack', 'imported');
open my $imports, '>', "$imported/imports.tf" or die "imports.tf: $!\n";

for (resources($stack)) {
    my ($address, $type, $attributes) = @$_;
    my $id = $ID{$type}->($attributes);
    print {$imports} "import {\n  to = $address\n  id = \"$id\"\n}\n";
}

close $imports or die "imports.tf: $!\n";
($planned, $summary) = apply($imported, 'import');
is($summary->{import}, scalar @all, 'import: everything')
    or diag(explain($planned));
is($summary->{add} + $summary->{remove}, 0, 'import: nothing is made anew');
is_deeply([sort map { $_->[0] } resources($imported)], \@all,
    'import: all are in the state');
plan_is_empty($imported, 'import');


# Destroyed.

($planned, $summary) = apply($imported, 'destroy', '-destroy');
is_deeply([keys %$planned], ['delete'], 'destroy: nothing else');
is($summary->{remove}, scalar @all, 'destroy: everything');
is_deeply([resources($imported)], [], 'destroy: nothing is left in the state');
is_deeply([sort @{ ecs('ListClusters', {})->{clusterArns} }],
    [map { "$ARN:cluster/$_" } qw(batch default)], 'clusters of others stay');
is_deeply(ecs('ListTaskDefinitions', {})->{taskDefinitionArns}, [],
    'no task definition is left');
is_deeply(ecs('ListServices', { cluster => 'default' })->{serviceArns}, [],
    'no service is left');
is_deeply(ecs('ListTagsForResource', {
    resourceArn => "$ARN:cluster/default" })->{tags}, [], 'no tag is left');


# What is not ECS is refused, and told.

my $scaling = work('autoscaling', 'autoscaling');
($status, $text) = terraform($scaling, 'apply', '-no-color', '-auto-approve');
is($status, 1, 'Application Auto Scaling is not here');
like($text, qr/aws_ecs_clusters\.this: Read complete/,
    'ECS is found by the environment');
$text =~ s/\s+/ /g;
like($text, qr/The service "application-autoscaling" is not part/,
    'and the other service is named');
like($text, qr/kecs_upstream_location/, 'and what helps');

$k->stop;
$k->final_checks;

done_testing();
