"""ncnn on Vulkan: `graph` translates a model, `net` runs it, `trial` shows whether it crashes."""
