"""How the cloud is observed: when it is listed, what its catalog offers, which endpoints have lost their object."""
