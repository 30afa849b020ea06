"""What Spark runs: the stages of a night and what they are made of."""

import time

#: When this process came here, before it loaded what a job needs: deadlines of a command count from here (time.monotonic()).
BEGAN = time.monotonic()
