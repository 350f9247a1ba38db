/*
 * The verdicts of `kecs doctor`, which need nothing but their arguments,
 * and the lines of the kernel's tables that the tool reads.
 */

#include "../../src/cli/doctor.h"
#include "tap.h"


#define MIB  (1024ull * 1024)


static void
test_amounts(void)
{
    tap_is_int(kecs_judge_disk(0), KECS_FAIL, "no room on the disk");
    tap_is_int(kecs_judge_disk(MIB - 1), KECS_FAIL, "under a MiB");
    tap_is_int(kecs_judge_disk(MIB), KECS_WARN, "a MiB");
    tap_is_int(kecs_judge_disk(256 * MIB), KECS_FINE, "256 MiB");

    tap_is_int(kecs_judge_map(0, 0), KECS_FINE, "no map");
    tap_is_int(kecs_judge_map(74, 100), KECS_FINE, "74 %% of the map");
    tap_is_int(kecs_judge_map(75, 100), KECS_WARN, "75 %%");
    tap_is_int(kecs_judge_map(90, 100), KECS_FAIL, "90 %%");
    tap_is_int(kecs_judge_map(UINT64_MAX, UINT64_MAX), KECS_FAIL, "all");

    tap_is_int(kecs_judge_skew(0), KECS_FINE, "clocks agree");
    tap_is_int(kecs_judge_skew(-2000), KECS_FINE, "2 s behind");
    tap_is_int(kecs_judge_skew(2001), KECS_WARN, "more than 2 s ahead");
    tap_is_int(kecs_judge_skew(-60001), KECS_FAIL, "over a minute behind");
}


static void
test_folder(void)
{
    tap_is_int(kecs_judge_mode(040700), KECS_FINE, "mode 700");
    tap_is_int(kecs_judge_mode(040755), KECS_WARN, "others can read");
    tap_is_int(kecs_judge_mode(040770), KECS_FAIL, "the group can write");
    tap_is_int(kecs_judge_mode(040702), KECS_FAIL, "others can write");

    tap_ok(kecs_is_network_disk(0x6969), "NFS");
    tap_ok(kecs_is_network_disk((long) 0xff534d42), "CIFS");
    tap_ok(kecs_is_network_disk((long) (int32_t) 0xff534d42),
           "CIFS, as 32 bits");
    tap_ok(!kecs_is_network_disk(0xef53), "ext4 is none");
    tap_ok(!kecs_is_network_disk(0x01021994), "tmpfs is none");
}


static void
test_aws(void)
{
    int     major, minor;
    size_t  i;
    const struct {
        const char    *line;
        kecs_level_t   level;
    } rows[] = {
        { "aws-cli/1.28.99 Python/3.9", KECS_FAIL },
        { "aws-cli/1.29.0 Python/3.9", KECS_FINE },
        { "aws-cli/2.9.19 Python/3.11.2 Linux/6.1 source", KECS_FAIL },
        { "aws-cli/2.12.7", KECS_FAIL },
        { "aws-cli/2.13.0", KECS_FINE },
        { "aws-cli/3.0.0", KECS_FINE },
        { "aws-cli/x", KECS_WARN },
        { "command not found", KECS_WARN },
        { "", KECS_WARN }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tap_is_int(kecs_judge_aws(rows[i].line, &major, &minor),
                   rows[i].level, "\"%s\"", rows[i].line);
    }
}


static void
test_endpoints(void)
{
    size_t  i;
    const struct {
        const char    *url;
        kecs_level_t   level;
    } rows[] = {
        { "http://127.0.0.1:8080", KECS_FINE },
        { "http://localhost:8080", KECS_FINE },
        { "http://[::1]:8080", KECS_FINE },
        { "http://127.0.0.1:8081", KECS_WARN },
        { "http://127.0.0.1", KECS_WARN },
        { "http://192.0.2.1:8080", KECS_WARN },
        { "https://ecs.us-east-1.amazonaws.com", KECS_FAIL },
        { "https://ecs.us-east-1.api.aws", KECS_FAIL },
        { "nonsense", KECS_WARN }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tap_is_int(kecs_judge_endpoint(rows[i].url, 8080), rows[i].level,
                   "%s", rows[i].url);
    }
}


static void
test_sockets(void)
{
    unsigned long long  inode;
    static const char   rest[] = " 00000000:0000 0A 00000000:00000000"
                                 " 00:00000000 00000000  1000        0 ";
    char                line[256];
    size_t              i;
    const struct {
        const char  *address;
        const char  *tail;
        bool         is;
    } rows[] = {
        { "0100007F:1F90", "77", true },
        { "0200007F:1F90", "77", true },
        { "00000000:1F90", "77", true },
        { "00000000000000000000000000000000:1F90", "77", true },
        { "0100007F:1F91", "77", false },
        { "0101A8C0:1F90", "77", false }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(line, sizeof(line), "   0: %s%s%s 1 0 100\n",
                        rows[i].address, rest, rows[i].tail);
        inode = 0;
        tap_ok(kecs_listens(line, 8080, &inode) == rows[i].is, "%s",
               rows[i].address);
        tap_ok(!rows[i].is || inode == 77, "its inode");
    }

    tap_ok(!kecs_listens("  sl  local_address rem_address   st", 8080,
                         &inode), "the head of the table");
    tap_ok(!kecs_listens("   1: 0100007F:1F90 0100007F:C001 01 00000000:0000"
                         "0000 00:00000000 00000000 0 0 9", 8080, &inode),
           "a connection");
}


static void
test_locks(void)
{
    tap_is_int(kecs_lock_line("1: FLOCK  ADVISORY  WRITE 42 fe:00:7 0 EOF\n",
                              7), 42, "a lock of process 42");
    tap_is_int(kecs_lock_line("1: FLOCK  ADVISORY  WRITE 42 fe:00:8 0 EOF\n",
                              7), 0, "on another file");
    tap_is_int(kecs_lock_line("1: POSIX  ADVISORY  WRITE 42 fe:00:7 0 EOF\n",
                              7), 0, "of another kind");
    tap_is_int(kecs_lock_line("1: -> FLOCK  ADVISORY  WRITE 43 fe:00:7 0\n",
                              7), 0, "of one that waits for it");
}


int
main(void)
{
    test_amounts();
    test_folder();
    test_aws();
    test_endpoints();
    test_sockets();
    test_locks();

    return tap_done();
}
