package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/health"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"
)

// What Argo CD makes of one object.
type assessment struct {
	// What the script returned, as upstream's health_test.yaml holds it.
	Script *health.HealthStatus `json:"script"`
	// What is shown in the end.
	Health *health.HealthStatus `json:"health"`
}

// Assesses the objects of a List on standard input by the customizations of an argocd-cm, and prints the assessments as JSON, in
// their order.
func newHealthCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "argocd-health ARGOCD_CM",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			overrides, err := customizations(command.Context(), args[0])
			if err != nil {
				return err
			}
			var list unstructured.UnstructuredList
			if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
				return err
			}
			assessments := make([]assessment, len(list.Items))
			for i := range list.Items {
				if assessments[i], err = assess(&list.Items[i], overrides); err != nil {
					return fmt.Errorf("%s: %w", list.Items[i].GetName(), err)
				}
			}
			return json.NewEncoder(os.Stdout).Encode(assessments)
		},
	}
}

func assess(object *unstructured.Unstructured, overrides map[string]v1alpha1.ResourceOverride) (assessment, error) {
	vm := lua.VM{ResourceOverrides: overrides}
	script, openLibraries, err := vm.GetHealthScript(object)
	if err != nil {
		return assessment{}, err
	}
	if script == "" {
		return assessment{}, errors.New("there is no health script for it")
	}
	vm.UseOpenLibs = openLibraries
	said, err := vm.ExecuteHealthLua(object, script)
	if err != nil {
		return assessment{}, err
	}
	shown, err := health.GetResourceHealth(object, lua.ResourceHealthOverrides(overrides))
	return assessment{said, shown}, err
}

// Read as Argo CD reads them: from a ConfigMap in its namespace.
func customizations(ctx context.Context, path string) (map[string]v1alpha1.ResourceOverride, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	settingsMap := &corev1.ConfigMap{}
	if err := yaml.UnmarshalStrict(content, settingsMap); err != nil {
		return nil, err
	}
	const namespace = "argocd"
	labels := map[string]string{"app.kubernetes.io/part-of": "argocd"}
	settingsMap.ObjectMeta = metav1.ObjectMeta{Name: common.ArgoCDConfigMapName, Namespace: namespace, Labels: labels}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: common.ArgoCDSecretName, Namespace: namespace, Labels: labels},
		Data:       map[string][]byte{"server.secretkey": []byte("not used")},
	}
	manager := settings.NewSettingsManager(ctx, fake.NewClientset(secret, settingsMap), namespace)
	if err := manager.ResyncInformers(); err != nil {
		return nil, err
	}
	return manager.GetResourceOverrides()
}
