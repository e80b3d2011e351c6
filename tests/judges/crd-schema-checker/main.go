// Prints what the rules of OpenShift's crd-schema-checker say of the definitions in the files that are named, a line for each
// finding. The rules are the upstream ones, unchanged, and all of them; the upstream command is not used, because it brings the
// API server of an admission webhook, which takes minutes to build.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/openshift/crd-schema-checker/pkg/defaultcomparators"
	"github.com/openshift/crd-schema-checker/pkg/resourceread"
)

func main() {
	for _, path := range os.Args[1:] {
		if err := judge(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

func judge(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	definition, err := resourceread.ReadCustomResourceDefinitionV1(text)
	if err != nil {
		return err
	}
	// There is no earlier definition to compare with: it is judged as a new one.
	results, errs := defaultcomparators.NewDefaultComparators().Compare(nil, definition)
	for _, result := range results {
		for _, messages := range [][]string{result.Errors, result.Warnings, result.Infos} {
			for _, message := range messages {
				fmt.Printf("%s: %s\n", result.Name, message)
			}
		}
	}
	return errors.Join(errs...)
}
