package console

func (c *Console) toldRoutes() {}
