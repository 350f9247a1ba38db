/*
 * All programs of a Kubernetes cluster in one binary, for the tests only;
 * nothing of this module is linked into the product.
 *
 * The name by which the binary is called says which program it is, or else
 * its first argument does:
 *
 *     kube-apiserver --etcd-servers ...        (a symbolic link)
 *     kube kubectl get pods
 */

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var programs = map[string]func() int{
	"kube-apiserver": func() int {
		return cli.Run(apiserver.NewAPIServerCommand())
	},
	"kube-controller-manager": func() int {
		return cli.Run(manager.NewControllerManagerCommand())
	},
	"kube-proxy": func() int {
		return cli.Run(proxy.NewProxyCommand())
	},
	"kube-scheduler": func() int {
		return cli.Run(scheduler.NewSchedulerCommand())
	},
	"kubelet": func() int {
		return cli.Run(kubelet.NewKubeletCommand(context.Background()))
	},
	"kubectl": runKubectl,
}

/* kubectl prints its errors and chooses its exit status on its own */
func runKubectl() int {
	err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand())
	kubectlutil.CheckErr(err)

	return 0
}

func usage() {
	names := make([]string, 0, len(programs))

	for name := range programs {
		names = append(names, name)
	}

	sort.Strings(names)

	fmt.Fprintf(os.Stderr, "usage: kube %s [ARG...]\n",
		strings.Join(names, "|"))
	os.Exit(2)
}

func main() {
	run, found := programs[filepath.Base(os.Args[0])]

	if !found && len(os.Args) > 1 {
		/* the programs look at os.Args themselves as well, so shift it */
		os.Args = os.Args[1:]
		run, found = programs[os.Args[0]]
	}

	if !found {
		usage()
	}

	os.Exit(run())
}
