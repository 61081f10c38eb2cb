package main

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

type webReconciler struct{ client.Client }

func (r *webReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	web := &Web{}
	if err := r.Get(ctx, req.NamespacedName, web); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if web.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	key := metav1.ObjectMeta{Namespace: web.Namespace, Name: web.Name}
	cm := &corev1.ConfigMap{ObjectMeta: key}
	svc := &corev1.Service{ObjectMeta: key}
	dep := &appsv1.Deployment{ObjectMeta: key}
	for _, child := range []struct {
		object client.Object
		mutate func()
	}{
		{cm, func() { mutateConfigMap(web, cm) }},
		{svc, func() { mutateService(svc) }},
		{dep, func() { mutateDeployment(web, dep) }},
	} {
		_, err := controllerutil.CreateOrUpdate(ctx, r.Client, child.object, func() error {
			child.mutate()
			return r.own(web, child.object)
		})
		if err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{}, r.writeStatus(ctx, web, dep)
}

func (r *webReconciler) own(web *Web, child client.Object) error {
	labels := child.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[managedByLabel], labels[nameLabel] = manager, web.Name
	child.SetLabels(labels)
	return controllerutil.SetControllerReference(web, child, r.Scheme())
}

func (r *webReconciler) writeStatus(ctx context.Context, web *Web, dep *appsv1.Deployment) error {
	before := web.DeepCopy()
	web.Status.ObservedGeneration = web.Generation
	web.Status.Ready = dep.Status.ObservedGeneration >= dep.Generation &&
		dep.Status.ReadyReplicas == web.Spec.Replicas
	ready := metav1.Condition{
		Type: "Ready", Status: metav1.ConditionFalse, Reason: "Progressing", ObservedGeneration: web.Generation,
	}
	if web.Status.Ready {
		ready.Status, ready.Reason = metav1.ConditionTrue, "Available"
	}
	meta.SetStatusCondition(&web.Status.Conditions, ready)
	if equality.Semantic.DeepEqual(before.Status, web.Status) {
		return nil
	}
	return client.IgnoreNotFound(r.Status().Patch(ctx, web, client.MergeFrom(before)))
}
