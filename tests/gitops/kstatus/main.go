// Prints what kstatus makes of the objects of a List on standard input, as JSON, in their order. Flux and Helm 4 wait by this
// library.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var list unstructured.UnstructuredList
	if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
		return err
	}
	results := make([]*status.Result, len(list.Items))
	for i := range list.Items {
		result, err := status.Compute(&list.Items[i])
		if err != nil {
			return fmt.Errorf("%s: %w", list.Items[i].GetName(), err)
		}
		results[i] = result
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}
