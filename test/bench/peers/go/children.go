package main

import (
	"crypto/sha256"
	"encoding/hex"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	managedByLabel = "app.kubernetes.io/managed-by"
	nameLabel      = "app.kubernetes.io/name"
	manager        = "web-operator"
)

// The mutate functions set what is this operator's and leave the fields of others alone.

func mutateConfigMap(web *Web, cm *corev1.ConfigMap) {
	if cm.Data == nil {
		cm.Data = map[string]string{}
	}
	cm.Data["message"] = web.Spec.Message
}

func mutateService(svc *corev1.Service) {
	svc.Spec.ClusterIP = corev1.ClusterIPNone
	svc.Spec.Ports = []corev1.ServicePort{{
		Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(80),
	}}
}

func mutateDeployment(web *Web, dep *appsv1.Deployment) {
	own := map[string]string{nameLabel: web.Name}
	dep.Spec.Replicas = &web.Spec.Replicas
	dep.Spec.Selector = &metav1.LabelSelector{MatchLabels: own}
	dep.Spec.Template.Labels = own
	pod := &dep.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		pod.Containers = make([]corev1.Container, 1)
	}
	digest := sha256.Sum256([]byte(web.Spec.Message))
	main := &pod.Containers[0]
	main.Name, main.Image = "main", "x"
	main.Env = []corev1.EnvVar{{Name: "CONFIG_HASH", Value: hex.EncodeToString(digest[:8])}}
}
