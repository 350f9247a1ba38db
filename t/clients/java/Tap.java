import java.util.Objects;

/** Counts and prints tests; may be used by several threads. */
final class Tap {
    private int count;
    private int failed;

    synchronized boolean ok(boolean good, String name, Object why) {
        count++;
        failed += good ? 0 : 1;
        System.out.printf("%sok %d - %s%n", good ? "" : "not ", count, name);

        if (!good) {
            String text = String.valueOf(why).replace("\n", "\n# ");
            System.out.println("# " + text);
        }

        return good;
    }

    void same(Object got, Object want, String name) {
        ok(Objects.equals(got, want), name,
            "got  " + got + "\nwant " + want);
    }

    int end() {
        System.out.printf("1..%d%n", count);

        return failed > 0 ? 1 : 0;
    }
}
