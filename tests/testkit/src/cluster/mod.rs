//! A real control plane: kube-apiserver, etcd and kube-controller-manager as processes.
