"""Two models on the same pictures: do they see the same? (`vedette models compare`)."""
