"""What people would use instead, each as its own documentation says: one Django project, in which
each peer has a module of its own."""
