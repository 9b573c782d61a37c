// A pidfd a member: as many descriptors as we are allowed.
#pragma once

void raise_descriptor_limit();
