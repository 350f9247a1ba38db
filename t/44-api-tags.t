#!/usr/bin/perl

# TagResource, UntagResource and ListTagsForResource, on everything that has
# tags, and what else shows them.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use Test::More;

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);
api_start();

my $RESERVED = 'aws: prefixed tag key names are not allowed for external use.';
my $ARN = 'The ARN provided is invalid.';

ok_api('CreateCluster', {});
ok_api('RegisterTaskDefinition', { family => 'f', containerDefinitions =>
    [{ name => 'c', image => 'i', memory => 16 }] });
ok_api('CreateService', { serviceName => 's', taskDefinition => 'f',
                          desiredCount => 0 });
my $task = ok_api('RunTask', { taskDefinition => 'f' })->{tasks}[0]{taskArn};

# ARN, class of a refusal, and how else the tags are seen.

my @resources = (
    ['cluster', account_arn('cluster/default'), 'InvalidParameterException',
     sub { ok_api('DescribeClusters', { include => ['TAGS'] })
               ->{clusters}[0]{tags} }],
    ['service', account_arn('service/default/s'), 'InvalidParameterException',
     sub { ok_api('DescribeServices', { services => ['s'],
                  include => ['TAGS'] })->{services}[0]{tags} }],
    ['task', $task, 'InvalidParameterException',
     sub { ok_api('DescribeTasks', { tasks => [$task],
                  include => ['TAGS'] })->{tasks}[0]{tags} }],
    ['task definition', account_arn('task-definition/f:1'), 'ClientException',
     sub { ok_api('DescribeTaskDefinition', { taskDefinition => 'f',
                  include => ['TAGS'] })->{tags} }],
);

sub tag {
    my ($arn, @tags) = @_;

    return { resourceArn => $arn, tags => [ map { my ($key, $value) =
             split /=/, $_, 2; +{ key => $key, value => $value } } @tags ] };
}

sub listed {
    my ($arn) = @_;

    my $tags = ok_api('ListTagsForResource', { resourceArn => $arn })->{tags};

    return join ' ', map { "$_->{key}=$_->{value}" } @$tags;
}

for (@resources) {
    my ($what, $arn, $refusal, $seen) = @$_;

    is_deeply(ok_api('ListTagsForResource', { resourceArn => $arn }),
              { tags => [] }, "$what: none at first");
    is_deeply(ok_api('TagResource', tag($arn, 'b=1', 'a=', 'C=x y/z:@+-_.=')),
              {}, "$what: an empty answer");
    is(listed($arn), 'b=1 a= C=x y/z:@+-_.=', "$what: in their order");
    ok_api('TagResource', tag($arn, 'd=4', 'a=2'));
    is(listed($arn), 'b=1 a=2 C=x y/z:@+-_.= d=4',
       "$what: changed in place, added at the end");
    ok_api('TagResource', tag($arn, 'c=lower'));
    is_deeply(ok_api('UntagResource', { resourceArn => $arn,
              tagKeys => ['b', 'none', 'd'] }), {}, "$what: some go");
    is(listed($arn), 'a=2 C=x y/z:@+-_.= c=lower', "$what: case counts");
    is(join(' ', map { "$_->{key}=$_->{value}" } @{ $seen->() }),
       'a=2 C=x y/z:@+-_.= c=lower', "$what: seen when described");

    for my $bad (
        [tag($arn), 'Tags can not be empty.', $refusal],
        [{ resourceArn => $arn, tags => [{ key => 'k' }] },
         'Tag value can not be null.', $refusal],
        [{ resourceArn => $arn, tags => [{ value => 'v' }] },
         'Tag key can not be null.', $refusal],
        [tag($arn, 'aws:x=1'), $RESERVED, $refusal],
        [tag($arn, 'AWS:x=1'), $RESERVED, $refusal],
        [tag($arn, 'x=1', 'x=2'), 'Duplicate tag keys are not allowed.',
         $refusal],
        [tag($arn, map { "k$_=" } 1 .. 51), qr/less than or equal to 50/],
        [tag($arn, 'x' x 129 . '='), qr/'tags.1.member.key' failed to/],
        [tag($arn, '=x'), qr/'tags.1.member.key' failed to satisfy/],
        [tag($arn, 'k=' . 'x' x 257), qr/'tags.1.member.value' failed to/],
        [tag($arn, 'a*b=1'), qr/'tags.1.member.key' failed to satisfy/],
        [{ resourceArn => $arn }, qr/'tags' failed to satisfy constraint/])
    {
        refused('TagResource', $$bad[0],
                $$bad[2] // 'InvalidParameterException', $$bad[1]);
    }

    refused('UntagResource', { resourceArn => $arn, tagKeys => ['aws:x'] },
            $refusal, $RESERVED);
    refused('UntagResource', { resourceArn => $arn },
            'InvalidParameterException', qr/'tagKeys' failed to satisfy/);
    is(listed($arn), 'a=2 C=x y/z:@+-_.= c=lower',
       "$what: a refusal changes nothing");

    ok_api('TagResource', tag($arn, map { "k$_=$_" } 1 .. 47));
    refused('TagResource', tag($arn, 'one=more'), 'LimitExceededException',
            'The maximum number of tags for a resource is 50.');
    ok_api('TagResource', tag($arn, 'k1=again'));
    ok_api('UntagResource', { resourceArn => $arn, tagKeys =>
                              ['a', 'C', 'c', map { "k$_" } 1 .. 47] });
    is(listed($arn), '', "$what: all gone");
}

$t->reload;

my $first = $resources[0][1];
ok_api('TagResource', tag($first, "\x{E4}\x{4E2D}=\x{DF} \x{391}",
                          'x' x 128 . '=' . 'y' x 256));
is(listed($first), "\x{E4}\x{4E2D}=\x{DF} \x{391} " . 'x' x 128 . '='
   . 'y' x 256, 'letters of any script, and the longest');


# ARNs.

my $missing = '0' x 32;

for my $op (qw(TagResource UntagResource ListTagsForResource)) {
    my $more = $op eq 'TagResource' ? { tags => [{ key => 'k',
                                                   value => 'v' }] }
             : $op eq 'UntagResource' ? { tagKeys => ['k'] } : {};
    my $gone = $op eq 'ListTagsForResource' ? 'InvalidParameterException'
                                            : 'ResourceNotFoundException';

    refused($op, { resourceArn => $$_[0], %$more },
            $$_[2] // 'InvalidParameterException', $$_[1]) for
        [account_arn('cluster/none'), 'Cluster not found.',
         'ClusterNotFoundException'],
        [account_arn('service/none/s'), 'Cluster not found.',
         'ClusterNotFoundException'],
        [account_arn('service/default/none'), 'The specified service does not'
         . ' exist. Specify a valid service and try again.', $gone],
        [account_arn("task/default/$missing"), 'The specified task does not'
         . ' exist. Specify a valid task and try again.', $gone],
        [account_arn('task-definition/f:9'), 'The specified task definition'
         . ' does not exist. Specify a valid account, family, revision and'
         . ' try again.', 'ClientException'],
        [account_arn('task-definition/f'), 'Revision is missing'],
        [account_arn('service/s'),
         'Long arn format must be used for tagging operations'],
        [account_arn("task/$missing"),
         'Long arn format must be used for tagging operations'],
        [account_arn('cluster/default', account => '111122223333'),
         'AccountIDs mismatch'],
        [account_arn('cluster/default', region => 'eu-west-1'),
         'Regions mismatch'],
        [account_arn('service/default/s', account => '111122223333'),
         'AccountIDs mismatch'],
        [account_arn('task-definition/f:1', account => '111122223333'),
         'The specified task definition does not exist. Specify a valid'
         . ' account, family, revision and try again.', 'ClientException'],
        ['default', $ARN], ['', $ARN], ['arn:aws:s3:::bucket', $ARN],
        [account_arn('container/x'), $ARN],
        [account_arn('container/a/b/c'), $ARN], [account_arn('cluster'),
                                                 $ARN];
    refused($op, $more, 'InvalidParameterException',
            qr/'resourceArn' failed to satisfy constraint: Member must not/);
}

ok_api('CreateCluster', {}, key => '111122223333');
ok_api('TagResource', tag('arn:aws:ecs:us-east-1:111122223333:cluster/default',
                          'whose=theirs'), key => '111122223333');
ok_api('TagResource', tag($first, 'whose=ours'));
like(listed($first), qr/whose=ours$/, 'tags of one account');
is(ok_api('ListTagsForResource', { resourceArn =>
   'arn:aws:ecs:us-east-1:111122223333:cluster/default' },
   key => '111122223333')->{tags}[0]{value}, 'theirs', 'and of another');


# Tags do not start anything.

my $before = ok_api('DescribeServices', { services => ['s'] })->{services}[0];
ok_api('TagResource', tag(account_arn('service/default/s'), 'x=1'));
is_like(ok_api('DescribeServices', { services => ['s'] })->{services}[0],
        $before, 'a tagged service is not deployed anew');

reconcile();
wait_api('DescribeTasks', { tasks => [$task] }, 'the task runs',
         sub { $_[0]{tasks}[0]{lastStatus} eq 'RUNNING' });
my $version = ok_api('DescribeTasks', { tasks => [$task] })
                  ->{tasks}[0]{version};
ok_api('TagResource', tag($task, 'x=1'));
is(ok_api('DescribeTasks', { tasks => [$task] })->{tasks}[0]{version},
   $version, 'tags are no new version of a task');

$t->done;
