#!/usr/bin/perl
# The Kubernetes runtime alone on a real cluster, with the rights of
# k8s/rbac.yaml and no more: t/unit/kube_cluster.c does the work and prints
# the results; here is only what it needs.

use strict;
use warnings;

use Cwd ();
use Test::More;
use KecsCluster;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $program = 'build' . ($ENV{KECS_SANITIZE} ? '/asan' : '')
    . '/unit/kube_cluster';
plan skip_all => "no $program; make unit-build" if !-x $program;

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

local $ENV{KECS_TEST_KUBECONFIG} = $cluster->{kubeconfig};
local $ENV{KECS_TEST_NAMESPACE} = $cluster->{namespace};
local $ENV{KECS_TEST_CLUSTER} = Cwd::getcwd() . '/t/cluster/cluster';
local $ENV{KECS_TEST_CLUSTER_DIR} = $cluster->{dir};

my $status = system(@{ $cluster->prefix }, $program);

undef $cluster;
exit($status == 0 ? 0 : 1);
