// Go_fields prints how encoding/json writes the Kubernetes objects that the operator renders: for
// every reachable struct its fields in declaration order, with type and omitempty.
//
// The hash annotation of the Go operator covers those bytes, and neither the OpenAPI document nor a
// stored object tells the order. From this directory, with Go and its module proxy at hand:
//
//	go run . > ../../../internal/druid/go_fields.json
//
// The version of k8s.io/api in go.mod is the one that the Go operator is built with. A newer one adds
// fields, and those without omitempty change every hash.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var roots = []any{
	corev1.ConfigMap{}, corev1.Service{}, corev1.PersistentVolumeClaim{},
	appsv1.StatefulSet{}, appsv1.Deployment{},
	policyv1.PodDisruptionBudget{}, autoscalingv2.HorizontalPodAutoscaler{},
	networkingv1.Ingress{},
}

// Types with a MarshalJSON of their own, by the name that the table gives them.
var special = map[reflect.Type]string{
	reflect.TypeOf(metav1.Time{}):        "time",
	reflect.TypeOf(resource.Quantity{}):  "quantity",
	reflect.TypeOf(intstr.IntOrString{}): "intOrString",
	reflect.TypeOf(metav1.FieldsV1{}):    "raw",
}

var marshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()

type table struct {
	structs map[string][]string
}

// name is "core/v1.Container" for k8s.io/api/core/v1.Container.
func name(t reflect.Type) string {
	path := t.PkgPath()
	for _, prefix := range []string{"k8s.io/api/", "k8s.io/apimachinery/pkg/apis/"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path + "." + t.Name()
}

// describe returns the table's word for a type and visits the structs behind it.
func (tb *table) describe(t reflect.Type) string {
	if word, ok := special[t]; ok {
		return word
	}
	if t.Kind() != reflect.Pointer && (t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler)) {
		panic(fmt.Sprintf("%v marshals itself: teach the encoder about it", t))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + tb.describe(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + tb.describe(t.Elem())
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			panic(fmt.Sprintf("%v: keys are not strings", t))
		}
		return "{}" + tb.describe(t.Elem())
	case reflect.Struct:
		tb.visit(t)
		return name(t)
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "int"
	}
	panic(fmt.Sprintf("%v: kind %v is not handled", t, t.Kind()))
}

func (tb *table) visit(t reflect.Type) {
	key := name(t)
	if _, seen := tb.structs[key]; seen {
		return
	}
	tb.structs[key] = nil // a type may contain itself
	tb.structs[key] = tb.fields(t)
}

// fields lists "name type" or "name type?" (omitempty), inlined structs in their place.
func (tb *table) fields(t reflect.Type) []string {
	lines := []string{}
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case tag == "-":
		case tag == "" && field.Anonymous:
			lines = append(lines, tb.fields(field.Type)...)
		case tag == "":
			panic(fmt.Sprintf("%v.%s has no JSON name", t, field.Name))
		default:
			line := tag + " " + tb.describe(field.Type)
			if options == "omitempty" {
				line += "?"
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	panic(module + " is not in the build")
}

func main() {
	tb := table{structs: map[string][]string{}}
	for _, root := range roots {
		tb.visit(reflect.TypeOf(root))
	}
	names := make([]string, 0, len(tb.structs))
	for key := range tb.structs {
		names = append(names, key)
	}
	sort.Strings(names)

	// One struct a line: a new library version then shows as a readable diff.
	out := &strings.Builder{}
	fmt.Fprintf(out, "{\n\"generated\": \"cmd/generate/go_fields; do not edit\",\n")
	fmt.Fprintf(out, "\"source\": \"k8s.io/api %s\",\n\"structs\": {\n", version("k8s.io/api"))
	for i, key := range names {
		fields, err := json.Marshal(tb.structs[key])
		if err != nil {
			panic(err)
		}
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Fprintf(out, "%q: %s%s\n", key, fields, comma)
	}
	out.WriteString("}\n}\n")
	if _, err := os.Stdout.WriteString(out.String()); err != nil {
		panic(err)
	}
}
