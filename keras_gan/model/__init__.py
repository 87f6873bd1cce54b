"""The GAN: networks, updates, the order of a step, and the engines that run many steps."""
