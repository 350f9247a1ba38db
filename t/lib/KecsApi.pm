package KecsApi;

# What the API suites share: calls with their checks, and golden transcripts.
#
#     my $t = api_start();                    # 4 workers, no reconciler yet
#     my $out = ok_api('ListClusters', {});
#     refused('DeleteCluster', { cluster => 'x' },
#             'ClusterNotFoundException', 'Cluster not found.');
#     golden('clusters');
#
# A transcript, t/data/golden/NAME.json, is a list of steps that were typed
# in from what ECS itself answers.  A step has "op" and "in", and one of
#
#     "out"      the whole answer, 200
#     "error"    the whole error, 400
#     "until"    {"path": "tasks/0/lastStatus", "is": "RUNNING"}: the call
#                is repeated until then; "out" may follow
#     "as"       account or region of the caller, as options of Kecs->api
#
# or is {"do": "reload"} or {"do": "reconciler"}.  Strings hold places:
#
#     <time>         a number, the time of now in seconds
#     <int>          a whole number
#     <any>          anything but nothing
#     <id>, <uuid>, <deployment>   of that form; <id:x> the first time any,
#                    then, in requests too, the same
#
# Lists whose order ECS does not keep are compared as sets.

use strict;
use warnings;

use B ();
use Exporter 'import';
use JSON::PP;
use Kecs;
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw(api_start reconcile ok_api refused golden fits is_like
                 wait_api rollout wait_rollout wait_rollout_that is_number
                 account_arn $t);

our $t;

our @SHORT = ('--simulated-start', '100ms', '--simulated-stop', '40ms',
              '--healthy-after', '150ms', '--throttle-first', '300ms',
              '--throttle-max', '600ms');

my $JSON = JSON::PP->new->canonical->allow_nonref;
my $UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
my %SETS = map { $_ => 1 } qw(compatibilities requiresAttributes tags
                              serviceArns);
my %FORMS = (id => '[0-9a-f]{32}', uuid => $UUID, deployment => '[0-9]{19}',
             any => '.+', time => '(?!)', int => '(?!)');


sub api_start {
    $t = Kecs->new(workers => 4, @_)->start;

    return $t;
}

sub reconcile {
    $t->{reconciler} ||= [@SHORT];
    $t->start_reconciler;

    return;
}

sub account_arn {
    my ($resource, %o) = @_;

    my $region = $o{region} // 'us-east-1';
    my $account = $o{account} // '000000000000';

    return "arn:aws:ecs:$region:$account:$resource";
}


# Calls.

sub headers_ok {
    my ($op, $headers) = @_;

    my $type = $headers->{'content-type'} // '';
    my $id = $headers->{'x-amzn-requestid'} // '';
    return 1 if $type eq 'application/x-amz-json-1.1' && $id =~ /^$UUID$/;

    fail("$op: headers");
    diag("content-type: $type, x-amzn-requestid: $id");

    return;
}

sub ok_api {
    my ($op, $in, %o) = @_;

    my ($status, $out, $headers) = $t->api($op, $in, %o);
    headers_ok($op, $headers);
    is($status, 200, ($o{name} // $op) . ' is answered')
        or diag(ref $out ? $JSON->encode($out) : $out);

    return ref $out ? $out : {};
}

# The whole error: class, text (undef: no message member), and 400.
sub refused {
    my ($op, $in, $type, $message, %o) = @_;

    my ($status, $out, $headers) = $t->api($op, $in, %o);
    my %want = (__type => $type);
    $want{message} = $message if defined $message && !ref $message;
    my $got = ref $out eq 'HASH' ? { %$out } : { __type => $out };

    if (ref $message && defined $got->{message}
        && $got->{message} =~ $message)
    {
        $want{message} = $got->{message};
    }

    delete $got->{$_} for @{ $o{also} // [] };
    headers_ok($op, $headers);

    my $name = "$op: " . ($o{name} // $message // $type);
    return is_deeply([$status, $got], [$o{status} // 400, \%want], $name)
        ? $out : do { diag($JSON->encode($in)) if ref $in; $out };
}

# Repeats a call until the code likes its answer; returns that or {}.
sub wait_api {
    my ($op, $in, $name, $code, $timeout) = @_;

    my $last;
    my $got = $t->wait_for(sub {
        (my $status, $last) = $t->api($op, $in);
        $status == 200 && $code->($last) && $last;
    }, $timeout // 20);

    ok($got, $name) or diag(ref $last ? $JSON->encode($last) : $last);

    return $got || {};
}

# The newest service deployment of a service of the default cluster, whole.
sub rollout {
    my ($name) = @_;

    my (undef, $list) = $t->api('ListServiceDeployments',
                                { service => $name });
    my (undef, $out) = $t->api('DescribeServiceDeployments', {
        serviceDeploymentArns =>
            [$list->{serviceDeployments}[0]{serviceDeploymentArn}] });

    return $out->{serviceDeployments}[0] // {};
}

# It becomes what the test says, and is answered.
sub wait_rollout_that {
    my ($name, $what, $test) = @_;

    my $got = $t->wait_for(sub {
        my $sd = rollout($name);
        $test->($sd) && $sd;
    }, 30);
    ok($got, $what) or diag($JSON->encode(rollout($name)));

    return $got || {};
}

sub wait_rollout {
    my ($name, $status) = @_;

    return wait_rollout_that($name, "the rollout of $name becomes $status",
                             sub { ($_[0]{status} // '') eq $status });
}


# Comparison.

sub is_number {
    my ($v) = @_;

    my $flags = B::svref_2object(\$v)->FLAGS;

    return !($flags & B::SVf_POK) && $flags & (B::SVf_IOK | B::SVf_NOK);
}

sub fits_time {
    my ($got) = @_;

    return 'no number' unless is_number($got);
    return "not now: $got" if abs($got - time) > 300;
    return "more than milliseconds: $got"
        if abs($got * 1000 - int($got * 1000 + 0.5)) > 0.01;

    return;
}

sub fits_text {
    my ($got, $want, $vars) = @_;

    return fits_time($got) if $want eq '<time>';
    return is_number($got) && $got =~ /^-?\d+$/ ? undef : 'no integer'
        if $want eq '<int>';
    return 'a number, not a string' if is_number($got);

    my @names;
    my $re = join '', map {
        /^<(\w+)(?::(\w+))?>$/ && $FORMS{$1}
            ? do { push @names, $2; defined $2 && defined $vars->{$2}
                   ? "(\Q$vars->{$2}\E)" : "($FORMS{$1})" }
            : quotemeta
    } split /(<\w+(?::\w+)?>)/, $want;

    my @found = $got =~ /^$re$/s or return "'$got', not '$want'";

    for my $i (0 .. $#names) {
        $vars->{ $names[$i] } //= $found[$i] if defined $names[$i];
    }

    return;
}

sub fits_hash {
    my ($got, $want, $vars) = @_;

    return 'no object' unless ref $got eq 'HASH';

    for my $key (sort keys %$want) {
        return "no $key" unless exists $got->{$key};
        my ($g, $w) = ($got->{$key}, $want->{$key});

        if ($SETS{$key} && ref $g eq 'ARRAY' && ref $w eq 'ARRAY') {
            $_ = [ sort { $JSON->encode($a) cmp $JSON->encode($b) } @$_ ]
                for $g, $w;
        }

        my $why = fits($g, $w, $vars);
        return "$key: $why" if $why;
    }

    my @more = grep { !exists $want->{$_} } sort keys %$got;

    return @more ? "also has @more" : undef;
}

# Why the value does not fit; undef: it does.
sub fits {
    my ($got, $want, $vars) = @_;

    $vars //= {};
    return 'null' if !defined $got;
    return JSON::PP::is_bool($got) && !$got == !$want ? undef
           : 'not the same boolean' if JSON::PP::is_bool($want);
    return fits_hash($got, $want, $vars) if ref $want eq 'HASH';

    if (ref $want eq 'ARRAY') {
        return 'no list' unless ref $got eq 'ARRAY';
        return scalar(@$got) . ' elements, not ' . @$want if @$got != @$want;

        for my $i (0 .. $#$want) {
            my $why = fits($got->[$i], $want->[$i], $vars);
            return "$i: $why" if $why;
        }

        return;
    }

    return "a " . ref($got) if ref $got;

    if (is_number($want)) {
        return is_number($got) && $got == $want ? undef
               : "$got, not the number $want";
    }

    return fits_text($got, $want, $vars);
}

sub is_like {
    my ($got, $want, $name, $vars) = @_;

    my $why = fits($got, $want, $vars);
    ok(!defined $why, $name) or diag("$why\n", $JSON->encode($got));

    return !defined $why;
}


# Transcripts.

sub fill {
    my ($in, $vars) = @_;

    return { map { ($_ => fill($in->{$_}, $vars)) } keys %$in }
        if ref $in eq 'HASH';
    return [ map { fill($_, $vars) } @$in ] if ref $in eq 'ARRAY';
    return $in if ref $in || !defined $in || is_number($in);

    (my $text = $in) =~ s{<\w+:(\w+)>}{ $vars->{$1} // die "$1 is unknown" }ge;

    return $text;
}

sub at {
    my ($value, $path) = @_;

    for my $step (split m{/}, $path) {
        $value = ref $value eq 'ARRAY' ? $value->[$step]
               : ref $value eq 'HASH' ? $value->{$step} : undef;
    }

    return $value;
}

sub play {
    my ($name, $step, $vars) = @_;

    if ($step->{do}) {
        return ok($t->reload, "$name: a reload") if $step->{do} eq 'reload';
        return reconcile();
    }

    my $in = fill($step->{in}, $vars);
    my $until = $step->{until};
    my ($status, $out, $headers);

    $t->wait_for(sub {
        ($status, $out, $headers) = $t->api($step->{op}, $in,
                                            %{ $step->{as} // {} });
        !$until || (at($out, $until->{path}) // '') eq $until->{is};
    }, 20) or return fail("$name: never $until->{is}");

    headers_ok($step->{op}, $headers);
    my $want = $step->{out} // $step->{error} or return;
    my $why = $status == ($step->{error} ? 400 : 200) ? undef
              : "status $status";
    $why //= fits($out, $want, $vars);

    return ok(!defined $why, $name) || diag("$why\n", $JSON->encode($out));
}

# Variables of earlier transcripts may be given; they are returned.
sub golden {
    my ($file, $vars) = @_;

    open my $f, '<', "$Kecs::ROOT/t/data/golden/$file.json"
        or die "$file: $!\n";
    local $/;
    my $steps = JSON::PP->new->utf8->decode(<$f>);
    my $n = 0;
    $vars //= {};

    for my $step (@$steps) {
        $n++;
        play("$file $n: " . ($step->{name} // $step->{op} // $step->{do}),
             $step, $vars);
    }

    return $vars;
}

1;
