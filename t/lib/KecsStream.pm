package KecsStream;

# A client of the streams of events, over either transport.
#
#     my $s = KecsStream->sse($t, 'since=0&kind=task');
#     my $m = $s->next;       # { name, seq, data } or undef at the end
#     my $s = KecsStream->ws($t, 'since=0');
#     my $m = $s->next;       # as above; { name => 'close', code, reason },
#                             # { name => 'ping' | 'pong', payload }
#
# The name of an event of ECS is "event", of a heartbeat "beat".

use strict;
use warnings;

use IO::Select;
use JSON::PP;
use Time::HiRes qw(time);

my $JSON = JSON::PP->new->utf8->canonical;
my $WAIT = 60;

sub open_with {
    my ($class, $t, $query, $head, %o) = @_;

    my $path = ($o{path} // '/events') . ($query ? "?$query" : '');
    my $socket = $o{socket} // $t->connect($o{port})
        or die "cannot connect: $!\n";
    $socket->autoflush(1);
    $head .= join '', map { "$_: $o{headers}{$_}\r\n" }
                      sort keys %{ $o{headers} // {} };
    my $host = exists $o{host} ? $o{host} : "127.0.0.1:$t->{port}";
    print $socket "GET $path HTTP/1.1\r\nHost: $host\r\n$head\r\n",
        $o{then} // '';

    my $self = bless { socket => $socket, raw => '', text => '' }, $class;
    $self->fill while $self->{raw} !~ /\r\n\r\n/ && !$self->{eof};
    ($self->{head}, $self->{raw}) = split /\r\n\r\n/, $self->{raw}, 2;
    ($self->{status}) = ($self->{head} // '') =~ m{^HTTP/1\.1 (\d+)};
    $self->{raw} //= '';
    $self->{chunked} = ($self->{head} // '') =~ /^Transfer-Encoding: chunked/m;

    return $self;
}

sub sse {
    my ($class, $t, $query, %o) = @_;

    return $class->open_with($t, $query, "Accept: text/event-stream\r\n",
                             %o);
}

# Without a transport.
sub plain {
    my ($class, $t, $query, %o) = @_;

    return $class->open_with($t, $query, '', %o);
}

our $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

sub ws {
    my ($class, $t, $query, %o) = @_;

    my $self = $class->open_with($t, $query, "Upgrade: websocket\r\n"
        . "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        . "Sec-WebSocket-Key: $KEY\r\n", %o);
    $self->{ws} = 1;

    return $self;
}

sub status { $_[0]{status} }
sub head { $_[0]{head} }
sub socket { $_[0]{socket} }

# Reads what there is, waiting for it.
sub fill {
    my ($self, $timeout) = @_;

    my $ready = IO::Select->new($self->{socket})
        ->can_read($timeout // $WAIT);

    if (!$ready) {
        $self->{late} = 1;
        $self->{eof} = 1 unless defined $timeout;
        return;
    }

    my $n = sysread $self->{socket}, $self->{raw}, 65536,
                    length $self->{raw};
    $self->{eof} = 1 unless $n;

    return $n;
}

# The chunks that are complete become text.
sub unchunk {
    my ($self) = @_;

    if (!$self->{chunked}) {
        $self->{text} .= $self->{raw};
        $self->{raw} = '';
        return;
    }

    while ($self->{raw} =~ /^([0-9a-f]+)\r\n/i) {
        my ($from, $len) = (length($1) + 2, hex $1);
        last if length $self->{raw} < $from + $len + 2;
        $self->{text} .= substr $self->{raw}, $from, $len;
        $self->{raw} = substr $self->{raw}, $from + $len + 2;
        $self->{ended} = 1 if $len == 0;
    }
}

sub next_sse {
    my ($self) = @_;

    $self->unchunk;
    return unless $self->{text} =~ s/\A(.*?)\n\n//s;

    my %m = (name => 'event', lines => $1);

    for (split /\n/, $1) {
        $m{name} = 'beat' if /^:/;
        $m{name} = $1 if /^event: (.*)/;
        $m{seq} = $1 if /^id: (\d+)$/;
        $m{data} = $JSON->decode($1) if /^data: (.*)/;
        ($m{name}, $m{retry}) = ('retry', $1) if /^retry: (\d+)$/;
    }

    return \%m;
}

sub next_ws {
    my ($self) = @_;

    return if length $self->{raw} < 2;
    my ($first, $len) = unpack 'CC', $self->{raw};
    my $from = 2;

    if ($len == 126) {
        return if length $self->{raw} < 4;
        ($len, $from) = (unpack('n', substr $self->{raw}, 2), 4);

    } elsif ($len == 127) {
        return if length $self->{raw} < 10;
        ($len, $from) = (unpack('Q>', substr $self->{raw}, 2), 10);
    }

    return if length $self->{raw} < $from + $len;
    my $payload = substr $self->{raw}, $from, $len;
    $self->{raw} = substr $self->{raw}, $from + $len;

    my $opcode = $first & 15;
    return { name => 'ping', payload => $payload } if $opcode == 9;
    return { name => 'pong', payload => $payload } if $opcode == 10;

    if ($opcode == 8) {
        my ($code, $reason) = unpack 'na*', $payload;
        return { name => 'close', code => $code, reason => $reason };
    }

    my $json = $JSON->decode($payload);
    my ($name) = grep { $_ ne 'seq' } keys %$json;

    return { name => $name // 'beat', seq => $json->{seq},
             data => $name && $json->{$name} };
}

# The next message; undef when the stream has ended, or when nothing came
# in time ({late} is set then).
sub next {
    my ($self, $timeout) = @_;

    my $end = time + ($timeout // $WAIT);
    $self->{late} = 0;

    while (1) {
        my $m = $self->{ws} ? $self->next_ws : $self->next_sse;

        if ($m) {
            $self->{seq} = $m->{seq} if defined $m->{seq};
            return $m;
        }

        return if $self->{eof} || $self->{ended};
        my $left = $end - time;
        return if $left <= 0;
        $self->fill($left);
    }
}

# The next message of one of these names; others are passed over.
sub want {
    my ($self, @names) = @_;

    while (my $m = $self->next) {
        return $m if grep { $_ eq $m->{name} } @names;
    }

    return;
}

# Events until the code says that this is the last.
sub until {
    my ($self, $code) = @_;

    my @got;

    while (my $m = $self->want('event')) {
        push @got, $m;
        return @got if $code->($m);
    }

    return @got;
}

# A frame as a client has to send it.
sub frame {
    my ($opcode, $payload, %o) = @_;

    my $mask = $o{mask} // "\x01\x02\x03\x04";
    my $len = length $payload;
    my $masked = $payload ^ substr $mask x ($len / 4 + 1), 0, $len;
    my $size = $len < 126 ? pack('C', 0x80 | $len)
               : pack('Cn', 0x80 | 126, $len);

    return pack('C', $o{first} // (0x80 | $opcode)) . $size . $mask
           . $masked;
}

sub send {
    my ($self, @frame) = @_;

    print { $self->{socket} } frame(@frame);
}

1;
