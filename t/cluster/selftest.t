#!/usr/bin/perl

# Tests of the test cluster itself: that pods of each image do what they are
# made for, that parts of the cluster can be stopped and started, and that
# nothing stays behind.
#
# Every wait is for a condition and has a deadline.

use strict;
use warnings;

use Cwd qw(realpath);
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $here = dirname(realpath($0));
my $why = unable();

if (defined $why) {
    die "$why, and CI is set\n" if ($ENV{CI} // '') eq 'true';
    plan skip_all => $why;
}

my $files = tempdir(CLEANUP => 1);
my $dir = realpath(tempdir(CLEANUP => 1));
my $id = substr sha256_hex($dir), 0, 8;

END {
    my $status = $?;
    system("$here/cluster", 'down', $dir) if defined $dir && -d "$dir/run";
    $? = $status;
}

write_file("$files/rbac.yaml", rbac());
write_file("$files/pods.yaml", pods());

test_failed_up();

test_up() or BAIL_OUT('no cluster');

test_users();
test_pods();
test_service();
test_image_verb();
test_registry();
test_stopped_node();
test_killed_apiserver();

test_down();

done_testing();

# why no cluster can run here, if so

sub unable {
    return 'not root' if $> != 0;

    return 'no right to make a network namespace'
        if system('unshare --net true 2> /dev/null') != 0;

    return;
}

sub test_failed_up {
    my ($status, $output) = cluster('up', '--flag',
                                    'kube-apiserver=--no-such-flag');

    isnt($status, 0, 'up fails when a program does');
    like($output, qr/kube-apiserver has ended.*no-such-flag/s,
         'and shows what the program said');
    is_deeply([leftovers()], [], 'and nothing is left of it');
}

sub test_up {
    my ($status, $output) = cluster('up', '--registry', '--rbac',
                                    "$files/rbac.yaml");

    is($status, 0, 'up') or diag($output);
    note($output);

    my @ready = map { ready($_) } get('nodes')->{items}->@*;

    is_deeply(\@ready, ['True', 'True'], 'two nodes are ready');

    return $status == 0;
}

sub test_users {
    my ($status, $output) = kubectl(as('admin-cert'), 'auth', 'whoami');
    like($output, qr/system:masters/, 'a client certificate names the admin');

    ($status, $output) = kubectl(as('kecs'), 'get', 'pods');
    is($status, 0, 'the unprivileged user may do what it was allowed');

    ($status, $output) = kubectl(as('kecs'), 'get', 'secrets');
    like($output, qr/forbidden/, 'and nothing else');

    ($status, $output) = cluster('env');
    like($output, qr{^export KUBECONFIG='\Q$dir\E/admin\.kubeconfig'$}m,
         'env names the kubeconfig');
}

sub test_pods {
    my ($status, $output) = kubectl('apply', '-f', "$files/pods.yaml");
    is($status, 0, 'apply') or diag($output);

    my $start = time;
    my $reason = eventually(sub {
        waiting('unknown') =~ /^(ErrImagePull|ImagePullBackOff)$/ && $1;
    });
    ok($reason, 'an unknown image cannot be pulled');
    cmp_ok(time - $start, '<', 25, 'which is known at once');

    ok(eventually(sub { phase('box') eq 'Running' }), 'busybox runs');

    ($status) = kubectl('exec', 'box', '--', 'sh', '-c', 'exit 7');
    is($status, 7, 'exec returns the exit status');

    (undef, $output) = kubectl('exec', 'box', '--', 'echo', 'text');
    is($output, "text\n", 'and the output');

    my $ended = eventually(sub { terminated('exit') }) || {};
    is($ended->{exitCode}, 3, 'the exit image ends with its status');

    $ended = eventually(sub { terminated('oom') }) || {};
    is($ended->{reason}, 'OOMKilled', 'too much memory is seen as that');
    is($ended->{exitCode}, 137, 'with the status of a kill');

    my @replicas;
    ok(eventually(sub {
        @replicas = get('pods', '-l', 'app=hello')->{items}->@*;
        return @replicas == 2 && !grep { ready($_) ne 'True' } @replicas;
    }), 'hello runs');

    my %nodes = map { $_->{spec}{nodeName} => 1 } @replicas;
    is_deeply([sort keys %nodes], ['node-1', 'node-2'], 'on both nodes');

    (undef, $output) = kubectl('logs', $replicas[0]{metadata}{name});
    like($output, qr/^listening on 8080$/m, 'logs');
}

sub test_service {
    my $address = get('service', 'hello')->{spec}{clusterIP};
    my @get = ('busybox', 'wget', '-q', '-O-', "http://$address/");

    # the proxy's rules follow a service with a small delay

    ok(eventually(sub { (cluster('exec', '--', @get))[1] =~ /^hello from/ }),
       'a service is reached inside the namespace');

    shift @get;
    like((kubectl('exec', 'box', '--', @get))[1], qr/^hello from/,
         'and from a pod');

    my $pid = (kubectl('exec', 'deploy/hello', '--', 'pidof', 'hello'))[1];
    is($pid, "1\n", 'hello is process 1');

    my $start = time;
    my ($status) = kubectl('delete', 'deploy,pod', '-l', 'app=hello',
                           '--cascade=foreground', '--timeout=25s');
    is($status, 0, 'and can be deleted');
    cmp_ok(time - $start, '<', 25, 'without waiting for its grace to end');
}

sub test_image_verb {
    my $name = 'kecs.test/again:1';
    my ($tar) = glob(images() . '/exit.tar');
    my ($status, $output) = cluster('image', $name, $tar);

    is($status, 0, 'image') or diag($output);

    kubectl('run', 'again', "--image=$name", '--restart=Never', '--', '5');

    my $ended = eventually(sub { terminated('again') }) || {};
    is($ended->{exitCode}, 5, 'an imported image runs');
}

sub test_registry {
    my $name = '127.0.0.1:5000/team/app:1';

    kubectl('run', 'pulled', "--image=$name", '--image-pull-policy=Always');
    ok(eventually(sub { phase('pulled') eq 'Running' }),
       'an image from the registry runs');

    my $pod = get('pod', 'pulled');
    like($pod->{status}{containerStatuses}[0]{imageID}, qr/\@sha256:/,
         'and its id has a digest');
}

sub test_stopped_node {
    my ($status, $output) = cluster('stop-node', 2);

    is($status, 0, 'stop-node') or diag($output);
    ok(eventually(sub { ready(get('node', 'node-2')) eq 'Unknown' }, 60),
       'a stopped node is noticed');
    is(ready(get('node', 'node-1')), 'True', 'the other is still ready');

    ($status, $output) = cluster('start-node', 2);
    is($status, 0, 'start-node') or diag($output);
    is(ready(get('node', 'node-2')), 'True', 'a started node is ready again');
}

sub test_killed_apiserver {
    my $uid = get('pod', 'box')->{metadata}{uid};
    my ($status, $output) = cluster('kill-apiserver');

    is($status, 0, 'kill-apiserver') or diag($output);

    ($status) = kubectl('get', 'pods');
    isnt($status, 0, 'a killed API server does not answer');

    ($status, $output) = cluster('start-apiserver');
    is($status, 0, 'start-apiserver') or diag($output);
    is(get('pod', 'box')->{metadata}{uid}, $uid, 'and nothing is forgotten');

    ($status) = kubectl('exec', 'box', '--', 'true');
    is($status, 0, 'the pods have gone on');
}

sub test_down {
    cmp_ok(scalar(leftovers()), '>', 10, 'leftovers are found while it runs');

    my ($status, $output) = cluster('down');
    is($status, 0, 'down') or diag($output);
    is_deeply([leftovers()], [], 'nothing is left');

    opendir my $handle, $dir or die "$dir: $!\n";
    is_deeply([grep { !/^\./ } readdir $handle], ['log'], 'but the logs');

    ($status) = cluster('down');
    is($status, 0, 'down again');
}

# Traces of the cluster on the machine: processes, mounts, control groups.
# A dead process that process 1 has not collected yet is none.

sub leftovers {
    my @found;

    for my $proc (glob '/proc/[1-9]*') {
        my $command = read_file("$proc/cmdline") // '';
        my $groups = read_file("$proc/cgroup") // '';

        my $stat = read_file("$proc/stat") // next;

        next if $proc eq "/proc/$$" || $stat =~ /^.*\) Z/s;

        push @found, "process $command"
            if $command =~ /kecs-$id|\Q$dir\E/ || $groups =~ /kecs-$id/;
    }

    push @found, grep { /kecs-$id|\Q$dir\E/ }
                 split /\n/, read_file('/proc/self/mountinfo');

    find({ no_chdir => 1, wanted => sub {
        push @found, $_ if -d && m{/kecs-$id$};
    } }, '/sys/fs/cgroup');

    push @found, "/run/kecs-$id" if -e "/run/kecs-$id";

    return @found;
}

sub cluster {
    my ($verb, @args) = @_;

    return output_of("$here/cluster", $verb, $dir, @args);
}

sub kubectl {
    return cluster('kubectl', @_);
}

sub as {
    return "--kubeconfig=$dir/$_[0].kubeconfig";
}

sub get {
    my ($status, $output) = kubectl('get', '-o', 'json', @_);

    return $status ? {} : decode_json($output);
}

sub ready {
    my ($object) = @_;
    my @conditions = @{ $object->{status}{conditions} // [] };
    my ($ready) = grep { $_->{type} eq 'Ready' } @conditions;

    return $ready ? $ready->{status} : '';
}

sub phase {
    return get('pod', $_[0])->{status}{phase} // '';
}

sub state_of {
    my $status = get('pod', $_[0])->{status}{containerStatuses};

    return $status ? $status->[0]{state} : {};
}

sub waiting {
    return state_of($_[0])->{waiting}{reason} // '';
}

sub terminated {
    return state_of($_[0])->{terminated};
}

sub eventually {
    my ($condition, $seconds) = @_;
    my $deadline = time + ($seconds // 60);
    my $result;

    until ($result = $condition->()) {
        return if time > $deadline;
        sleep 0.1;
    }

    return $result;
}

sub images {
    my (undef, $folder) = output_of("$here/images");

    return $folder =~ s/\n$//r;
}

sub output_of {
    my (@command) = @_;
    my $pid = open(my $pipe, '-|') // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec @command or die "$command[0]: $!\n";
    }

    my $output = do { local $/; <$pipe> } // '';

    close $pipe;
    return ($? >> 8, $output);
}

sub read_file {
    my ($path) = @_;

    open my $file, '<', $path or return;
    local $/;

    return scalar <$file>;
}

sub write_file {
    my ($path, $data) = @_;

    open my $file, '>', $path or die "$path: $!\n";
    print $file $data;
    close $file or die "$path: $!\n";
}

sub rbac {
    return <<'END';
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kecs
rules:
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: kecs
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: kecs
subjects:
- kind: User
  name: kecs
END
}

sub pods {
    return <<'END';
apiVersion: v1
kind: Pod
metadata:
  name: unknown
spec:
  containers:
  - name: main
    image: registry.example/unknown:1
---
apiVersion: v1
kind: Pod
metadata:
  name: box
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox:1
    command: [sleep, "3600"]
---
apiVersion: v1
kind: Pod
metadata:
  name: exit
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: kecs.test/exit:1
    args: ["3"]
---
apiVersion: v1
kind: Pod
metadata:
  name: oom
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: kecs.test/oom:1
    resources:
      limits:
        memory: 32Mi
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
  labels:
    app: hello
spec:
  replicas: 2
  selector:
    matchLabels:
      app: hello
  template:
    metadata:
      labels:
        app: hello
    spec:
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: DoNotSchedule
        labelSelector:
          matchLabels:
            app: hello
      containers:
      - name: main
        image: kecs.test/hello:1
        readinessProbe:
          periodSeconds: 1
          httpGet:
            path: /
            port: 8080
---
apiVersion: v1
kind: Service
metadata:
  name: hello
spec:
  selector:
    app: hello
  ports:
  - port: 80
    targetPort: 8080
END
}
