"""A controller framework for Kubernetes: controller-runtime's ideas, in Python's words."""
