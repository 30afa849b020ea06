"""The coupled plan problem in file form (design.md section 7): lines, order terms and capacities, solved with a proven gap."""
