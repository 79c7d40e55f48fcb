"""archscope: write a network once, get every number about it."""
