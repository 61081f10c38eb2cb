// Command gotypes prints how Go encodes each field of the built-in API types: the OpenAPI documents
// do not tell a pointer from a value, and so not whether a stored zero is written or left out.
//
// Output: {"<type>": {"<json field>": ["pointer" | "omit" | "always", "<protobuf number>"]}}, types under
// their OpenAPI names. The number of a field of an embedded struct is a path: "2.1".
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

var roots = []any{
	corev1.ConfigMap{}, corev1.Secret{}, corev1.Service{}, corev1.ServiceAccount{}, corev1.Pod{},
	corev1.Namespace{}, corev1.Node{}, corev1.PersistentVolumeClaim{}, corev1.PersistentVolume{},
	corev1.Event{}, corev1.Endpoints{}, eventsv1.Event{}, discoveryv1.EndpointSlice{},
	appsv1.StatefulSet{}, appsv1.Deployment{}, appsv1.ReplicaSet{}, appsv1.DaemonSet{},
	appsv1.ControllerRevision{}, batchv1.Job{}, batchv1.CronJob{}, policyv1.PodDisruptionBudget{},
	autoscalingv2.HorizontalPodAutoscaler{}, autoscalingv1.Scale{}, networkingv1.Ingress{},
	networkingv1.NetworkPolicy{}, storagev1.StorageClass{}, coordinationv1.Lease{}, rbacv1.Role{},
	rbacv1.RoleBinding{}, rbacv1.ClusterRole{}, rbacv1.ClusterRoleBinding{},
	authenticationv1.TokenReview{}, authorizationv1.SelfSubjectAccessReview{},
	authorizationv1.SubjectAccessReview{}, authorizationv1.LocalSubjectAccessReview{},
	apiextensionsv1.CustomResourceDefinition{},
}

func openAPIName(t reflect.Type) string {
	path := strings.TrimPrefix(t.PkgPath(), "k8s.io/")
	return "io.k8s." + strings.ReplaceAll(path, "/", ".") + "." + t.Name()
}

func walk(t reflect.Type, out map[string]map[string][2]string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		walk(t.Elem(), out)
		return
	case reflect.Struct:
	default:
		return
	}
	if !strings.HasPrefix(t.PkgPath(), "k8s.io/") || out[openAPIName(t)] != nil {
		return
	}
	if _, custom := reflect.PointerTo(t).MethodByName("MarshalJSON"); custom {
		return
	}
	fields := map[string][2]string{}
	out[openAPIName(t)] = fields
	collect(t, "", fields, out)
}

func collect(t reflect.Type, prefix string, fields map[string][2]string, out map[string]map[string][2]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			collect(f.Type, prefix+protobufNumber(f)+".", fields, out)
			continue
		}
		if name == "-" || name == "" || !f.IsExported() {
			continue
		}
		walk(f.Type, out)
		omitEmpty := strings.Contains(options, "omitempty")
		omitZero := strings.Contains(options, "omitzero")
		number := prefix + protobufNumber(f)
		if strings.HasPrefix(number, ".") {
			number = "" // of TypeMeta, which travels in the envelope
		}
		switch {
		case f.Type.Kind() == reflect.Pointer || f.Type.Kind() == reflect.Interface:
			fields[name] = [2]string{"pointer", number}
		case omitZero, omitEmpty && f.Type.Kind() != reflect.Struct:
			fields[name] = [2]string{"omit", number}
		default:
			fields[name] = [2]string{"always", number}
		}
	}
}

// protobufNumber reads `protobuf:"bytes,1,opt,name=metadata"`.
func protobufNumber(f reflect.StructField) string {
	parts := strings.Split(f.Tag.Get("protobuf"), ",")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

func main() {
	out := map[string]map[string][2]string{}
	for _, root := range roots {
		walk(reflect.TypeOf(root), out)
	}
	// One type per line: readable differences, and no more lines than types.
	separator := "{\n"
	for _, name := range slices.Sorted(maps.Keys(out)) {
		fields, err := json.Marshal(out[name])
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s%q: %s", separator, name, fields)
		separator = ",\n"
	}
	fmt.Println("\n}")
}
