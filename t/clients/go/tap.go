package main

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// tap counts and prints tests; it may be used by several goroutines.
type tap struct {
	mutex  sync.Mutex
	count  int
	failed int
}

func (t *tap) ok(good bool, name string, why ...any) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()

	t.count++
	not := ""

	if !good {
		t.failed++
		not = "not "
	}

	fmt.Printf("%sok %d - %s\n", not, t.count, name)

	if !good && len(why) > 0 {
		text := fmt.Sprint(why...)
		fmt.Println("# " + strings.ReplaceAll(text, "\n", "\n# "))
	}

	return good
}

func (t *tap) same(got, want any, name string) bool {
	return t.ok(reflect.DeepEqual(got, want), name,
		fmt.Sprintf("got  %#v\nwant %#v", got, want))
}

func (t *tap) end() int {
	fmt.Printf("1..%d\n", t.count)

	if t.failed > 0 {
		return 1
	}

	return 0
}
