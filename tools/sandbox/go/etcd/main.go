// Command etcd is the etcd server of the release that go.mod pins, as a module of its own:
// the release's own main is in a module that `go build` cannot reach from outside.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
