package console

func (c *Console) alertRoutes() {}
