//go:build tools

/* what the binary is built of: nothing of our own */
package main

import _ "sigs.k8s.io/kwok/cmd/kwok"
