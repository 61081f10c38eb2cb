package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var groupVersion = schema.GroupVersion{Group: "bench.example.com", Version: "v1"}

// Web owns a ConfigMap, a Service and a Deployment of its own name.
type Web struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   WebSpec   `json:"spec"`
	Status WebStatus `json:"status,omitempty"`
}

type WebSpec struct {
	Message  string `json:"message"`
	Replicas int32  `json:"replicas"`
}

type WebStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Ready              bool               `json:"ready"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

type WebList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Web `json:"items"`
}

func addToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(groupVersion, &Web{}, &WebList{})
	metav1.AddToGroupVersion(scheme, groupVersion)
	return nil
}

func (in *Web) DeepCopy() *Web {
	out := *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	if in.Status.Conditions != nil {
		// A Condition holds no pointers, so that copying the slice copies it all.
		out.Status.Conditions = append([]metav1.Condition{}, in.Status.Conditions...)
	}
	return &out
}

func (in *Web) DeepCopyObject() runtime.Object { return in.DeepCopy() }

func (in *WebList) DeepCopyObject() runtime.Object {
	out := &WebList{TypeMeta: in.TypeMeta, Items: make([]Web, len(in.Items))}
	in.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range in.Items {
		out.Items[i] = *in.Items[i].DeepCopy()
	}
	return out
}
