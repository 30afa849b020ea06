"""What Spark runs: the stages of a night and what they are made of."""

import os
import time

#: Threads of XGBoost that wait for each other sleep: spinning, two on a busy machine cost four times the processor time of one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
#: When this process came here, before it loaded what a job needs: deadlines of a command count from here (time.monotonic()).
BEGAN = time.monotonic()
